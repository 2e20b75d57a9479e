"""What a task does once it begins: a notebook, another job, a condition, or a notebook for each element.

Stands for https://docs.databricks.com/aws/en/jobs/configure-task and the pages of if-else, for-each and
run-job in it. A kind is made when a task begins, and raises UnresolvedError where a reference in the task's
settings has no value. Then `poll` gives the outcome as soon as there is one, `answers` has the connections by
which it comes, and `end` kills what still runs.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from local_workspace.bundle.yaml_files import Mapping
from local_workspace.jobs import outcomes
from local_workspace.jobs.outcomes import TaskRun
from local_workspace.jobs.references import UnresolvedError, Values
from local_workspace.jobs.run_of_a_task import Attempt, Run
from local_workspace.notebooks import log
from local_workspace.notebooks.process import start_notebook
from local_workspace.workspace import memory
from local_workspace.workspace.processes import memory_mb
from local_workspace.workspace.tasks import Result

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
OPERATORS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "EQUAL_TO": ("==", lambda left, right: left == right),
    "NOT_EQUAL": ("!=", lambda left, right: left != right),
    "GREATER_THAN": (">", lambda left, right: _number(left) > _number(right)),
    "GREATER_THAN_OR_EQUAL": (">=", lambda left, right: _number(left) >= _number(right)),
    "LESS_THAN": ("<", lambda left, right: _number(left) < _number(right)),
    "LESS_THAN_OR_EQUAL": ("<=", lambda left, right: _number(left) <= _number(right)),
}


class Notebook:
    """A notebook in a process of its own. One more than there are cores run at once."""

    @staticmethod
    def may_begin(run: Run, task: Mapping) -> bool:
        return len(run.jobs.notebooks) < run.jobs.at_once

    def __init__(self, run: Run, task: Mapping, values: Values, log_file: Path):
        settings, self._run = task["notebook_task"], run
        self._key, self.log, self._memory = task["task_key"], log_file, 0
        self._was_short, self._killed_before = False, memory.killed_for_memory()
        base = {name: values.resolve(text) for name, text in settings.get("base_parameters", {}).items()}
        path = run.jobs.bundle.files[run.key].parent / settings["notebook_path"]
        earlier = {done.key: done.values for done in run.tasks}
        parameters, self._workspace = base | run.parameters, run.jobs.workspace
        self._started = start_notebook(self._workspace, path.resolve(), parameters, earlier, log_file)
        run.jobs.notebooks.add(self)
        run.jobs.report.runs(self, self._key)

    @property
    def answers(self) -> list[Result]:
        return [self._started.result]

    def poll(self) -> TaskRun | None:
        self._memory = max(memory_mb(self._started.process), self._memory)
        self._was_short = self._was_short or memory.is_short()
        log.shorten(self.log)
        if not self._started.result.poll():
            return None
        was_short = self._was_short or memory.killed_for_memory() > self._killed_before
        process, result = self._started.process, self._started.result
        done = outcomes.of_notebook(self._key, process, result, self._memory, was_short)
        done.log = self.log
        self.end()
        return done

    def kill(self) -> None:
        """Without the care for the workspace that `end` takes."""
        self._run.jobs.report.ran(self)
        self._workspace.kill(self._started)

    def end(self) -> None:
        if self in self._run.jobs.notebooks:
            self._run.jobs.notebooks.discard(self)
            self._run.jobs.report.ran(self)
            self._workspace.end(self._started)


class ChildJob:
    """A run of another job, which gets this job's parameters too; runs of one job wait for each other."""

    @staticmethod
    def may_begin(run: Run, task: Mapping) -> bool:
        return str(task["run_job_task"]["job_id"]) not in run.jobs.active

    def __init__(self, run: Run, task: Mapping, values: Values, log_file: Path):
        settings, self._key = task["run_job_task"], task["task_key"]
        own = {name: values.resolve(text) for name, text in settings.get("job_parameters", {}).items()}
        self._child = run.jobs.begin(str(settings["job_id"]), parameters=own | run.parameters, parent=run)

    @property
    def answers(self) -> list[Result]:
        return self._child.answers

    def poll(self) -> TaskRun | None:
        if not self._child.step():
            return None
        self._child.end()
        if self._child.failed:
            return TaskRun(self._key, "failed", f"FAILED: {self._child.key} failed")
        return TaskRun(self._key, "success", "SUCCESS")

    def end(self) -> None:
        self._child.end()


class Condition:
    """Compares two values: == and != as text, the others as numbers."""

    @staticmethod
    def may_begin(run: Run, task: Mapping) -> bool:
        return True

    def __init__(self, run: Run, task: Mapping, values: Values, log_file: Path):
        settings, self._key = task["condition_task"], task["task_key"]
        left, right = (values.resolve(settings[side], str | int | float) for side in ("left", "right"))
        sign, holds = OPERATORS[settings["op"]]
        self._outcome = "true" if holds(left, right) else "false"
        self._status = f"SUCCESS: {left} {sign} {right} is {self._outcome}"

    answers: tuple[Result, ...] = ()

    def poll(self) -> TaskRun:
        return TaskRun(self._key, "success", self._status, outcome=self._outcome)

    def end(self) -> None:
        pass


class ForEach:
    """A task for each element of a JSON array, `concurrency` of them at once; all of them run."""

    @staticmethod
    def may_begin(run: Run, task: Mapping) -> bool:
        return True

    def __init__(self, run: Run, task: Mapping, values: Values, log_file: Path):
        settings, self._run, self._key = task["for_each_task"], run, task["task_key"]
        inputs = values.resolve(settings["inputs"])
        try:
            elements = json.loads(inputs)
        except ValueError:
            elements = None
        if not isinstance(elements, list):
            raise UnresolvedError(f"inputs are {inputs[:200]}, no JSON array; write them like [1, 2]")
        self._tries = [
            run.attempt(settings["task"], log_file.with_suffix(f".{number}.log"), (element,))
            for number, element in enumerate(elements, start=1)
        ]
        self._at_once = int(settings.get("concurrency", 1))
        self._waiting = list(self._tries)
        self._running: list[Attempt] = []
        self._done: list[TaskRun] = []

    @property
    def answers(self) -> list[Result]:
        return [answer for running in self._running for answer in running.answers]

    def poll(self) -> TaskRun | None:
        while True:
            while self._waiting and len(self._running) < self._at_once:
                self._running.append(self._waiting.pop(0))
            ended = [(running, done) for running in self._running if (done := running.step())]
            for running, done in ended:
                self._running.remove(running)
                done.key = f"{self._key}: {self._tries.index(running) + 1} of {len(self._tries)}"
                self._done.append(done)
                self._run.report(done, 1)
            if not ended:
                return None if self._running or self._waiting else self._outcome()

    def _outcome(self) -> TaskRun:
        failed = [done for done in self._done if done.failed]
        if failed:
            reason = f"FAILED: {len(failed)} of {len(self._done)} iterations failed; {failed[0].status}"
            return TaskRun(self._key, "failed", reason, log=failed[0].log)
        return TaskRun(self._key, "success", "SUCCESS")

    def end(self) -> None:
        for running in self._running:
            running.end()


Kind = Notebook | ChildJob | Condition | ForEach
KINDS: dict[str, type[Kind]] = {
    "notebook_task": Notebook,
    "run_job_task": ChildJob,
    "condition_task": Condition,
    "for_each_task": ForEach,
}


def kind_of(task: Mapping) -> type[Kind]:
    return next(kind for name, kind in KINDS.items() if name in task)


def _number(text: str) -> Decimal:
    if not NUMBER.fullmatch(text):
        raise UnresolvedError(f"{text!r} is no number; compare text by EQUAL_TO or NOT_EQUAL")
    return Decimal(text)
