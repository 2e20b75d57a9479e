"""What a task may ask of the run that it is a part of, and of all that runs beside it."""

from pathlib import Path
from typing import Protocol

from local_workspace.bundle.bundle import Bundle
from local_workspace.bundle.yaml_files import Mapping
from local_workspace.jobs.outcomes import TaskRun
from local_workspace.jobs.references import Values
from local_workspace.jobs.report import Report
from local_workspace.workspace.tasks import Result, RunningWorkspace


class Attempt(Protocol):
    """A task whose turn has come; `answers` is where it is worth to wait until its next step."""

    @property
    def answers(self) -> list[Result]: ...

    def step(self) -> TaskRun | None:
        """Goes on as far as it can now; the outcome once it is there."""

    def end(self) -> None:
        """Kills what runs."""


class Killable(Protocol):
    """A notebook that runs."""

    def kill(self) -> None: ...


class Running(Protocol):
    """All that runs: `notebooks` are at most `at_once`, `active` has the keys of jobs."""

    bundle: Bundle
    workspace: RunningWorkspace
    report: Report
    at_once: int
    notebooks: set[Killable]
    active: set[str]

    def begin(
        self,
        job_key: str,
        only: list[str] | None = None,
        parameters: dict[str, str] | None = None,
        parent: "Run | None" = None,
    ) -> "Run":
        """A run that goes on by each of its `step`; `parent` is the one whose task it is."""

    def new_id(self) -> int: ...


class Run(Protocol):
    """One run of a job; `tasks` has what has ended, `depth` counts its parents."""

    key: str
    depth: int
    parameters: dict[str, str]

    @property
    def jobs(self) -> Running: ...

    @property
    def tasks(self) -> list[TaskRun]: ...

    @property
    def failed(self) -> bool: ...

    @property
    def answers(self) -> list[Result]: ...

    def step(self) -> bool:
        """Begins and ends what can begin and end now; whether the run has ended."""

    def end(self) -> None:
        """Kills what still runs."""

    def attempt(self, task: Mapping, log: Path, item: tuple[object, ...] = ()) -> Attempt:
        """A task of this run; `item` has the element that it is for, in a for_each_task."""

    def values(self, task_key: str, run_id: int, count: int, item: tuple[object, ...]) -> Values:
        """What references stand for in a task of this run that begins now."""

    def report(self, task_run: TaskRun, deeper: int = 0) -> None: ...

    def report_retry(self, task_run: TaskRun) -> None: ...
