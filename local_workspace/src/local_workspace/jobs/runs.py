"""Runs a job as the Jobs service does: the order of its tasks, its parameters, its timeout, its result.

Stands for https://docs.databricks.com/aws/en/jobs/run-if and
https://docs.databricks.com/aws/en/jobs/job-parameters
"""

import os
import time
from datetime import UTC, datetime
from multiprocessing.connection import wait
from pathlib import Path

from local_workspace.bundle.bundle import Bundle
from local_workspace.bundle.yaml_files import Mapping
from local_workspace.errors import WorkspaceError
from local_workspace.jobs import outcomes
from local_workspace.jobs.attempts import Attempts
from local_workspace.jobs.outcomes import TaskRun
from local_workspace.jobs.references import TIMES, UnresolvedError, Values
from local_workspace.jobs.report import Report
from local_workspace.jobs.run_of_a_task import Killable, Run
from local_workspace.workspace.tasks import Result, RunningWorkspace


class Jobs:
    """Runs the jobs of a bundle in a workspace; `report` hears of each beginning and end.

    `notebooks` are those that run, at most `at_once`; `active` has keys of jobs.
    """

    def __init__(self, bundle: Bundle, workspace: RunningWorkspace, report: Report):
        self.bundle = bundle
        self.workspace = workspace
        self.report = report
        self.at_once = (os.cpu_count() or 1) + 1  # a task waits for Spark half of its time
        self.notebooks: set[Killable] = set()
        self.active: set[str] = set()
        self._last_id = int(time.time() * 1000)

    def run(
        self, job_key: str, only: list[str] | None = None, parameters: dict[str, str] | None = None
    ) -> "JobRun":
        """Runs a job, or only its tasks named in `only`; `parameters` override the job's own."""
        run = self.begin(job_key, only, parameters)
        try:
            while not run.step():
                wait([answer.fileno() for answer in run.answers], timeout=0.5)
                self.report.tick()
                self.workspace.check()
        finally:
            for notebook in self.notebooks:  # none, unless this is given up
                notebook.kill()
            self.notebooks.clear()
            run.end()
        return run

    def begin(
        self,
        job_key: str,
        only: list[str] | None = None,
        parameters: dict[str, str] | None = None,
        parent: Run | None = None,
    ) -> "JobRun":
        """A run that goes on by each of its `step`; `parent` is the one whose task it is."""
        run = JobRun(self, job_key, only, parameters or {}, parent)
        self.active.add(job_key)
        self.report.job_begins(run.key, run.depth)
        return run

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id


class JobRun:
    """One run of a job; `tasks` has what has ended, in that order; `depth` counts its parents."""

    def __init__(
        self,
        jobs: Jobs,
        key: str,
        only: list[str] | None,
        parameters: dict[str, str],
        parent: Run | None,
    ):
        job = jobs.bundle.jobs[key]
        self.jobs, self.key, self.run_id = jobs, key, jobs.new_id()
        self.depth = parent.depth + 1 if parent else 0
        self._begin, self._started = time.monotonic(), datetime.now(UTC)
        self._limit = int(job.get("timeout_seconds", 0)) or float("inf")
        self._known: dict[str, object] = {
            "job.id": key,
            "job.name": str(job.get("name", "Untitled")),
            "job.run_id": self.run_id,
            "job.repair_count": 0,
            "job.trigger.type": "run_job_task" if parent else "one_time",
        }
        chosen = [task for task in job["tasks"] if not only or task["task_key"] in only]
        self._tasks: dict[str, Mapping] = {task["task_key"]: task for task in chosen}
        self._left_out = {task["task_key"] for task in job["tasks"]} - set(self._tasks)
        self._waiting = dict(self._tasks)
        self._running: dict[str, Attempts] = {}
        self._done: dict[str, TaskRun] = {}
        self._timed_out = self._ended = False
        own = Values(self._known, self._started, {}, {}, set())
        try:
            defaults = {p["name"]: own.resolve(p["default"]) for p in job.get("parameters", [])}
        except UnresolvedError as error:
            raise WorkspaceError(f"{key}, a parameter's default: {error}") from None
        self.parameters = defaults | parameters

    @property
    def tasks(self) -> list[TaskRun]:
        return list(self._done.values())

    @property
    def result(self) -> str:
        """`success`, `success_with_failures` or `failed`, as leaf tasks decide; `timedout` or `canceled`."""
        if self._waiting or self._running:
            return "canceled"
        if self._timed_out:
            return "timedout"
        needed = {need for task in self._tasks.values() for need in _needs(task)}
        leaves = [done for done in self.tasks if done.key not in needed]
        return outcomes.of_job(leaves, self.tasks)

    @property
    def failed(self) -> bool:
        return self.result in outcomes.FAILED

    @property
    def answers(self) -> list[Result]:
        """Where it is worth to wait until the next step."""
        return [answer for running in self._running.values() for answer in running.answers]

    def step(self) -> bool:
        """Begins and ends what can begin and end now; whether the run has ended."""
        if time.monotonic() - self._begin > self._limit:
            self._time_out()
        while self._begin_ready() | self._collect():
            pass
        return not (self._waiting or self._running)

    def end(self) -> None:
        """Kills what still runs."""
        if not self._ended:
            self._ended = True
            for running in self._running.values():
                running.end()
            self.jobs.active.discard(self.key)
            self.jobs.report.job_ends(self.key, self.depth, self.result)

    def attempt(self, task: Mapping, log: Path, item: tuple[object, ...] = ()) -> Attempts:
        """A task of this run; `item` has the element that it is for, in a for_each_task."""
        return Attempts(self, task, log, item)

    def values(self, task_key: str, run_id: int, count: int, item: tuple[object, ...]) -> Values:
        """What references stand for in a task of this run that begins now."""
        known = {"task.name": task_key, "task.run_id": run_id, "task.execution_count": count}
        now = datetime.now(UTC)
        deprecated = {
            "job_id": self.key,
            "run_id": run_id,
            "parent_run_id": self.run_id,
            "task_key": task_key,
            "task_retry_count": count - 1,
            "start_date": TIMES["iso_date"](now),
            "start_time": TIMES["timestamp_ms"](now),
        }
        known = self._known | known | deprecated
        return Values(known, self._started, self.parameters, self._done, self._left_out, item)

    def report(self, task_run: TaskRun, deeper: int = 0) -> None:
        self.jobs.report.task_ends(task_run, self.depth + 1 + deeper)

    def report_retry(self, task_run: TaskRun) -> None:
        self.jobs.report.task_is_tried_again(task_run, self.depth + 1)

    def _begin_ready(self) -> bool:
        """Takes the tasks whose turn has come; whether one of them has ended by that."""
        ended = False
        for key, task in list(self._waiting.items()):
            needs = [need for need in _needs(task) if need in self._tasks]
            if not (set(needs) <= set(self._done) or _is_disabled(task)):
                continue
            del self._waiting[key]
            if not_run := self._not_run(task, needs):
                self._record(not_run)
                ended = True
            else:
                self._running[key] = self.attempt(task, self.jobs.workspace.logs / f"{self.key}.{key}.log")
        if self._waiting and not self._running and not ended:
            stuck = ", ".join(self._waiting)
            raise WorkspaceError(f"{self.key}: {stuck} wait for each other; correct depends_on")
        return ended

    def _not_run(self, task: Mapping, needs: list[str]) -> TaskRun | None:
        """The outcome of a task that is not to run."""
        key = task["task_key"]
        if _is_disabled(task):
            return TaskRun(key, "disabled", "NOT RUN: it is disabled")
        results = {need: self._result_for(task, need) for need in needs}
        result = outcomes.not_begun(task.get("run_if", "ALL_SUCCESS"), list(results.values()))
        reasons = {
            "upstream_failed": f"{', '.join(need for need in needs if self._done[need].failed)} failed",
            "disabled": f"{', '.join(need for need in needs if results[need] == 'disabled')} is disabled",
            "excluded": "its run_if or the outcome it waits for does not hold",
        }
        return TaskRun(key, result, f"NOT RUN: {reasons[result]}") if result else None

    def _result_for(self, task: Mapping, need: str) -> str:
        """A task's result for one that depends on it, which may want an outcome of a condition."""
        done = self._done[need]
        entries = [entry for entry in task["depends_on"] if entry["task_key"] == need]
        wanted = {str(entry.get("outcome", done.outcome)).lower() for entry in entries}
        return "excluded" if done.result == "success" and wanted != {done.outcome} else done.result

    def _collect(self) -> bool:
        """Records the tasks that have ended; whether there were any."""
        ended = [(key, done) for key, running in self._running.items() if (done := running.step())]
        for key, done in ended:
            del self._running[key]
            self._record(done)
        return bool(ended)

    def _time_out(self) -> None:
        self._timed_out = True
        reason = f"its job ran longer than {self._limit} s"
        for key, running in self._running.items():
            running.end()
            self._record(TaskRun(key, "canceled", f"FAILED: {reason}"))
        for key in self._waiting:
            self._record(TaskRun(key, "canceled", f"NOT RUN: {reason}"))
        self._waiting, self._running = {}, {}

    def _record(self, task_run: TaskRun) -> None:
        task_run.run_id = task_run.run_id or self.jobs.new_id()
        self._done[task_run.key] = task_run
        self.report(task_run)


def _is_disabled(task: Mapping) -> bool:
    return str(task.get("disabled", False)).lower() == "true"


def _needs(task: Mapping) -> list[str]:
    return [need["task_key"] for need in task.get("depends_on", [])]
