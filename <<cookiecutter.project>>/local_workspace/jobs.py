"""Runs a job as the Jobs service does: order, run_if, parameters, task values, results.

Stands for https://docs.databricks.com/aws/en/jobs/run-if and
https://docs.databricks.com/aws/en/jobs/dynamic-value-references
"""

import os
import re
import time
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

from local_workspace.bundle import Bundle
from local_workspace.workspace import Workspace

REFERENCE = re.compile(r"\{\{\s*([^}]*?)\s*\}\}")
FAILED = ("failed", "timedout", "upstream_failed")
RUN_IF = {
    "ALL_SUCCESS": lambda results: all(r == "success" for r in results),
    "AT_LEAST_ONE_SUCCESS": lambda results: any(r == "success" for r in results),
    "NONE_FAILED": lambda results: not any(r in FAILED for r in results),
    "AT_LEAST_ONE_FAILED": lambda results: any(r in FAILED for r in results),
    "ALL_FAILED": lambda results: all(r in FAILED for r in results),
    "ALL_DONE": lambda results: True,
}


class JobError(Exception):
    """The job cannot be run as it is written; the message names the task and the remedy."""


@dataclass
class TaskRun:
    """One task's outcome.

    `result` is a result_state of the Jobs service, `status` the word its notebook ended with.
    """

    key: str
    result: str
    status: str = ""
    seconds: float = 0.0
    log: Path | None = None
    values: dict = field(default_factory=dict)


@dataclass
class JobRun:
    key: str
    run_id: int
    tasks: list

    @property
    def red(self) -> bool:
        return any(task.result in FAILED for task in self.tasks)


class Jobs:
    """Runs the jobs of a bundle in a workspace; `report` hears of each beginning and end."""

    def __init__(self, bundle: Bundle, workspace: Workspace, report):
        self._bundle = bundle
        self._workspace = workspace
        self._report = report
        self._last_run_id = int(time.time() * 1000)

    def run(self, job_key: str, only: list | None = None, parameters: dict | None = None) -> JobRun:
        """Runs a job, or only its tasks named in `only`; job `parameters` override its own."""
        job = self._bundle.jobs[job_key]
        self._last_run_id += 1
        run = JobRun(job_key, self._last_run_id, [])
        given = {p["name"]: str(p["default"]) for p in job.get("parameters", [])} | (parameters or {})
        waiting = {task["task_key"]: task for task in job["tasks"] if not only or task["task_key"] in only}
        done, running = {}, {}
        self._report.job_begins(job_key)
        try:
            while waiting or running:
                for task in self._ready(waiting, done, running):
                    del waiting[task["task_key"]]
                    self._start(task, job_key, run, given, done, running)
                for task_run in self._finished(running):
                    done[task_run.key] = task_run
                    run.tasks.append(task_run)
                    self._report.task_ends(task_run)
                if waiting and not running and not self._ready(waiting, done, running):
                    raise JobError(f"{job_key}: {', '.join(waiting)} wait for each other; correct depends_on")
        finally:
            for process, *_ in running.values():
                process.kill()
        self._report.job_ends(run)
        return run

    def _ready(self, waiting: dict, done: dict, running: dict) -> list:
        """Tasks whose dependencies have ended, as far as there are cores."""
        free = max(1, os.cpu_count() or 1) - len(running)
        ready = [
            task for task in waiting.values() if all(d in done for d in _needs(task, waiting, running, done))
        ]
        return ready[: max(0, free)]

    def _start(
        self, task: dict, job_key: str, run: JobRun, parameters: dict, done: dict, running: dict
    ) -> None:
        key = task["task_key"]
        needs = [done[need] for need in _needs(task, {}, {}, done) if need in done]
        if not RUN_IF[task.get("run_if", "ALL_SUCCESS")]([need.result for need in needs]):
            failed = [need.key for need in needs if need.result in FAILED]
            result = "upstream_failed" if failed else "excluded"
            self._end_at_once(run, done, TaskRun(key, result, f"not run: {', '.join(failed)} failed"))
            return
        values = self._references(task, run, parameters, done)
        if nested := task.get("run_job_task"):
            begin = time.monotonic()
            given = {name: values(value) for name, value in nested.get("job_parameters", {}).items()}
            inner = self.run(nested["job_id"], parameters=given)
            red = [t.key for t in inner.tasks if t.result in FAILED]
            status = f"FAILED: {', '.join(red)} of {inner.key}" if red else "SUCCESS"
            result = "failed" if inner.red else "success"
            self._end_at_once(run, done, TaskRun(key, result, status, time.monotonic() - begin))
            return
        base = {k: values(str(v)) for k, v in task["notebook_task"].get("base_parameters", {}).items()}
        path = (self._bundle.files[job_key].parent / task["notebook_task"]["notebook_path"]).resolve()
        log = self._workspace.logs / f"{job_key}.{key}.log"
        earlier = {name: task_run.values for name, task_run in done.items()}
        process, connection = self._workspace.start_notebook(path, base | parameters, earlier, log)
        limit = task.get("timeout_seconds") or float("inf")
        running[connection] = (process, key, time.monotonic(), limit, log)

    def _end_at_once(self, run: JobRun, done: dict, task_run: TaskRun) -> None:
        done[task_run.key] = task_run
        run.tasks.append(task_run)
        self._report.task_ends(task_run)

    def _finished(self, running: dict) -> list:
        self._workspace.check()
        ended = wait(list(running), timeout=0.5) if running else []
        finished = []
        for connection in list(running):
            process, key, begin, limit, log = running[connection]
            seconds = time.monotonic() - begin
            if connection not in ended and seconds < limit:
                continue
            del running[connection]
            if connection in ended:
                finished.append(_outcome(connection, key, seconds, log))
            else:
                process.kill()
                status = f"FAILED: ran longer than timeout_seconds: {limit}"
                finished.append(TaskRun(key, "timedout", status, seconds, log))
            process.join()
        return finished

    def _references(self, task: dict, run: JobRun, parameters: dict, done: dict):
        """A function that replaces the `{{...}}` of a parameter of this task."""
        known = {
            "job.id": run.key,
            "job.name": run.key,
            "job.run_id": run.run_id,
            "task.name": task["task_key"],
        }

        def value_of(match: re.Match) -> str:
            name = match[1]
            parts = name.split(".")
            if name in known:
                return str(known[name])
            if parts[:2] == ["job", "parameters"] and parts[2] in parameters:
                return parameters[parts[2]]
            if parts[0] == "tasks" and parts[1] in done:
                other = done[parts[1]]
                if parts[2:] == ["result_state"]:
                    return other.result
                if parts[2] == "values" and parts[3] in other.values:
                    return str(other.values[parts[3]])
            raise JobError(
                f"{run.key}.{task['task_key']}: {match[0]} refers to nothing; correct the reference"
            )

        return lambda text: REFERENCE.sub(value_of, text)


def _needs(task: dict, *known: dict) -> list:
    """The tasks that `task` depends on; with `--task`, those that are not run do not count."""
    names = [need["task_key"] for need in task.get("depends_on", [])]
    keys = set()
    for tasks in known:
        keys |= {value[1] for value in tasks.values() if isinstance(value, tuple)} | set(tasks)
    return [name for name in names if name in keys]


def _outcome(connection, key: str, seconds: float, log: Path) -> TaskRun:
    try:
        answer = connection.recv()
    except EOFError:
        return TaskRun(key, "failed", "FAILED: its process died", seconds, log)
    status = str(answer["values"].get("status", ""))
    if answer["error"]:
        return TaskRun(key, "failed", f"FAILED: {answer['error']}", seconds, log, answer["values"])
    return TaskRun(key, "success", status or answer["exit"] or "SUCCESS", seconds, log, answer["values"])
