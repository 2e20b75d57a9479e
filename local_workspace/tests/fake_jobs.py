"""Jobs whose notebooks are functions of a test: their order and outcome, without Spark and processes."""

import io
import os
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace

from local_workspace.jobs.report import Report
from local_workspace.jobs.runs import JobRun, Jobs
from local_workspace.workspace.tasks import Task

HANGS = "hangs"


def succeed(**values):
    return {"exit": None, "error": None, "values": values}


def fail(reason="ValueError: no"):
    return {"exit": None, "error": reason, "values": {}}


class FakeWorkspace:
    """Runs `notebooks[name](parameters, earlier values)` at once; `calls` has what each was given.

    A notebook that HANGS goes on until it is ended. Without a function, a notebook succeeds.
    """

    def __init__(self, notebooks: dict[str, Callable]):
        self.notebooks, self.logs = notebooks, Path("logs")
        self.calls: list[tuple[str, dict]] = []
        self.running, self.most, self.killed = set(), 0, 0

    def start(self, function, path, parameters, values, log):
        self.calls.append((path.stem, parameters))
        answer = self.notebooks.get(path.stem, lambda parameters, values: succeed())(parameters, values)
        receiving, sending = Pipe(duplex=False)
        if answer != HANGS:
            sending.send(answer)
        task = Task(SimpleNamespace(pid=os.getpid(), sending=sending), receiving, "")
        self.running.add(receiving)
        self.most = max(self.most, len(self.running))
        return task

    def end(self, task):
        self.running.discard(task.result)

    def kill(self, task):
        self.killed += 1
        self.end(task)

    def check(self):
        """Notebooks that hang wait for this, each half second."""

    def given(self, name: str) -> list[dict]:
        """What each run of a notebook was given."""
        return [parameters for called, parameters in self.calls if called == name]


def task(key: str, after: str = "", **settings) -> dict:
    """A notebook task, unless the settings name another type; `after` is like `a b=true`."""
    needs = [dict(zip(("task_key", "outcome"), need.split("="), strict=False)) for need in after.split()]
    kinds = {"run_job_task", "condition_task", "for_each_task", "notebook_task"}
    notebook = {} if kinds & settings.keys() else {"notebook_task": {"notebook_path": f"{key}.py"}}
    return {"task_key": key, "depends_on": needs} | notebook | settings


def notebook(path: str, **parameters) -> dict:
    return {"notebook_path": f"{path}.py", "base_parameters": parameters}


def run(*tasks, notebooks=None, job=None, only=None, **other_jobs) -> JobRun:
    """Runs a job of these tasks; `workspace` and `output` of the run say what was done and shown.

    `job` has further settings of it; `other_jobs` are such that its tasks may run.
    """
    jobs = {"main": {"name": "Main", "tasks": list(tasks), **(job or {})}, **other_jobs}
    bundle = SimpleNamespace(jobs=jobs, files=dict.fromkeys(jobs, Path("jobs.yml")))
    workspace, output = FakeWorkspace(notebooks or {}), io.StringIO()
    done = Jobs(bundle, workspace, Report(output)).run("main", only)
    assert not workspace.running
    done.workspace, done.output = workspace, output.getvalue()
    return done


def results(done: JobRun) -> dict[str, str]:
    return {task.key: task.result for task in done.tasks}


def statuses(done: JobRun) -> dict[str, str]:
    return {task.key: task.status for task in done.tasks}
