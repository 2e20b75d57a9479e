"""Runs a job as the Jobs service does: order, run_if, parameters, task values, timeouts, results.

Stands for https://docs.databricks.com/aws/en/jobs/run-if and
https://docs.databricks.com/aws/en/jobs/parameters
"""

import os
import signal
import time
from dataclasses import dataclass, field
from multiprocessing import Process
from multiprocessing.connection import wait
from pathlib import Path

from local_workspace import references
from local_workspace.bundle import Bundle
from local_workspace.errors import WorkspaceError
from local_workspace.processes import memory_mb
from local_workspace.report import Report
from local_workspace.workspace import TaskProcess, Workspace

STATUSES = ("SUCCESS", "SKIPPED", "FAILED")  # that a notebook sets; a reason may follow
FAILED = ("failed", "timedout", "upstream_failed")
RUN_IF = {
    "ALL_SUCCESS": lambda results: all(result == "success" for result in results),
    "AT_LEAST_ONE_SUCCESS": lambda results: any(result == "success" for result in results),
    "NONE_FAILED": lambda results: not any(result in FAILED for result in results),
    "AT_LEAST_ONE_FAILED": lambda results: any(result in FAILED for result in results),
    "ALL_FAILED": lambda results: all(result in FAILED for result in results),
    "ALL_DONE": lambda results: True,
}


@dataclass
class TaskRun:
    """One task's outcome.

    `result` is a result_state of the Jobs service; `status` is the one its notebook set or ended with, or
    why it did not run or finish.
    """

    key: str
    result: str
    status: str
    seconds: float = 0.0
    log: Path | None = None
    values: dict = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return self.result in FAILED


class Jobs:
    """Runs the jobs of a bundle in a workspace; `report` hears of each beginning and end."""

    def __init__(self, bundle: Bundle, workspace: Workspace, report: Report):
        self.bundle = bundle
        self.workspace = workspace
        self.report = report
        self._run_id = int(time.time() * 1000)

    def run(self, job_key: str, only: list | None = None, parameters: dict | None = None) -> "JobRun":
        """Runs a job, or only its tasks named in `only`; `parameters` override the job's own."""
        self._run_id += 1
        run = JobRun(self, job_key, self._run_id, only, parameters or {})
        self.report.job_begins(run)
        try:
            run.finish()
        finally:
            run.end()
            self.report.job_ends(run)
        return run


class JobRun:
    """One run of a job; `tasks` has what has ended, in that order."""

    def __init__(self, jobs: Jobs, key: str, run_id: int, only: list | None, parameters: dict):
        job = jobs.bundle.jobs[key]
        self.key = key
        self.run_id = run_id
        self._jobs = jobs
        self._parameters = {p["name"]: str(p["default"]) for p in job.get("parameters", [])} | parameters
        chosen = [task for task in job["tasks"] if not only or task["task_key"] in only]
        self._waiting = {task["task_key"]: task for task in chosen}
        self._chosen = set(self._waiting)
        self._left_out = {task["task_key"] for task in job["tasks"]} - self._chosen
        self._running: dict[str, tuple[dict, TaskProcess, float, Path]] = {}
        self._done: dict[str, TaskRun] = {}
        self._memory: dict[str, int] = {}  # the most that a task has had, in MB

    @property
    def tasks(self) -> list[TaskRun]:
        return list(self._done.values())

    @property
    def failed(self) -> bool:
        return any(task.failed for task in self.tasks)

    def finish(self) -> None:
        """Runs every task, as many at once as there are cores."""
        cores = os.cpu_count() or 1
        while self._waiting or self._running:
            ready = [task for task in self._waiting.values() if set(self._needs(task)) <= set(self._done)]
            for task in ready[: max(0, cores - len(self._running))]:
                del self._waiting[task["task_key"]]
                self._begin(task)
            if self._running:
                self._collect()
            elif not ready and self._waiting:
                raise WorkspaceError(
                    f"{self.key}: {', '.join(self._waiting)} wait for each other; correct depends_on"
                )

    def end(self) -> None:
        """Kills what still runs."""
        for _, task, _, _ in self._running.values():
            self._jobs.workspace.kill_notebook(task)

    def _needs(self, task: dict) -> list[str]:
        """What the task depends on, as far as it is part of this run."""
        needs = [need["task_key"] for need in task.get("depends_on", [])]
        return [need for need in needs if need in self._chosen]

    def _begin(self, task: dict) -> None:
        key, needs = task["task_key"], [self._done[need] for need in self._needs(task)]
        if not RUN_IF[task.get("run_if", "ALL_SUCCESS")]([need.result for need in needs]):
            failed = [need.key for need in needs if need.failed]
            if failed:
                self._record(TaskRun(key, "upstream_failed", f"NOT RUN: {', '.join(failed)} failed"))
            else:
                self._record(TaskRun(key, "excluded", "NOT RUN: its run_if does not hold"))
        elif "run_job_task" in task:
            self._record(self._run_job(task))
        else:
            self._start_notebook(task)

    def _run_job(self, task: dict) -> TaskRun:
        begin, settings = time.monotonic(), task["run_job_task"]
        parameters = {n: self._resolve(v, task) for n, v in settings.get("job_parameters", {}).items()}
        run = self._jobs.run(settings["job_id"], parameters=parameters)
        result, status = ("failed", f"FAILED: {run.key} failed") if run.failed else ("success", "SUCCESS")
        return TaskRun(task["task_key"], result, status, time.monotonic() - begin)

    def _start_notebook(self, task: dict) -> None:
        key, settings, workspace = task["task_key"], task["notebook_task"], self._jobs.workspace
        base = {n: self._resolve(str(v), task) for n, v in settings.get("base_parameters", {}).items()}
        path = (self._jobs.bundle.files[self.key].parent / settings["notebook_path"]).resolve()
        log = workspace.logs / f"{self.key}.{key}.log"
        values = {done.key: done.values for done in self.tasks}
        started = workspace.start_notebook(path, base | self._parameters, values, log)
        self._running[key] = (task, started, time.monotonic(), log)

    def _collect(self) -> None:
        """Waits a moment for tasks to end, and records those that did, or ran out of time."""
        self._jobs.workspace.check()
        ended = wait([started.result for _, started, _, _ in self._running.values()], timeout=0.5)
        for key, (task, started, begin, log) in list(self._running.items()):
            self._memory[key] = max(memory_mb(started.process), self._memory.get(key, 0))
            seconds, limit = time.monotonic() - begin, task.get("timeout_seconds") or float("inf")
            if started.result in ended:
                task_run = _outcome(key, started, seconds, log, self._memory[key])
            elif seconds > limit:
                task_run = TaskRun(key, "timedout", f"FAILED: ran longer than {limit} s", seconds, log)
            else:
                continue
            del self._running[key]
            self._jobs.workspace.end_notebook(started)
            self._record(task_run)

    def _record(self, task_run: TaskRun) -> None:
        self._done[task_run.key] = task_run
        self._jobs.report.task_ends(task_run)

    def _resolve(self, text: str, task: dict) -> str:
        known = {
            "job.id": self.key,
            "job.name": self.key,
            "job.run_id": self.run_id,
            "task.name": task["task_key"],
        }
        try:
            return references.resolve(text, known, self._parameters, self._done, self._left_out)
        except references.ReferenceError as error:
            raise WorkspaceError(f"{self.key}, task {task['task_key']}: {error}") from None


def _outcome(key: str, started: TaskProcess, seconds: float, log: Path, memory: int) -> TaskRun:
    try:
        answer = started.result.recv()
    except EOFError:
        return TaskRun(key, "failed", f"FAILED: {_death(started.process, memory)}", seconds, log)
    values = answer["values"]
    if answer["error"]:
        return TaskRun(key, "failed", f"FAILED: {answer['error']}", seconds, log, values)
    status = str(values.get("status") or answer["exit"] or "SUCCESS")
    if "status" in values and not status.startswith(STATUSES):
        reason = f"FAILED: its task value status is {status!r}; set one of {', '.join(STATUSES)}"
        return TaskRun(key, "failed", reason, seconds, log, values)
    return TaskRun(key, "success", status, seconds, log, values)


def _death(process: Process, memory: int) -> str:
    """Why a notebook's process ended before the notebook did."""
    process.join()
    if process.exitcode >= 0:
        return f"its process ended by itself, with exit code {process.exitcode}"
    name = signal.Signals(-process.exitcode).name
    had = f" It had {memory} MB of memory." if memory else ""
    lacked = "; the system does this where memory runs out" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{lacked}.{had}"
