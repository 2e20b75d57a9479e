"""A task's process in a running workspace, and what a workspace does for whoever starts one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Settings(NamedTuple):
    """What a task's process is told: the bundle's folder, Spark's address with a session of its own, and
    the most memory that it may allocate, 0 for no limit.
    """

    root: Path
    spark_url: str
    memory_mb: int


class Process(Protocol):
    """A process that was started, here or by `up`."""

    @property
    def pid(self) -> int | None: ...

    @property
    def exitcode(self) -> int | None:
        """None while it runs."""

    def join(self, timeout: float | None = None) -> None: ...

    def kill(self) -> None: ...


class Result(Protocol):
    """The connection by which a task's result comes; a process that ends without one gives EOFError."""

    def fileno(self) -> int: ...

    def poll(self, timeout: float = 0.0) -> bool: ...

    def recv(self) -> Any: ...


class Task(NamedTuple):
    """A running task: its process, its result, its Spark session."""

    process: Process
    result: Result
    session: str


class RunningWorkspace(Protocol):
    """A workspace in which tasks can be started: one of this process, or that of `up`.

    `root` is the bundle's folder; `state` is the folder of what lasts, `logs` is in it.
    """

    root: Path
    state: Path
    logs: Path

    def connection(self) -> tuple[dict[str, str], str]:
        """The environment, and the address of a Spark session, of a process that is to be like a task's."""

    def start(self, function: Callable[..., None], *arguments: object) -> Task:
        """Starts `function(settings, answer, *arguments)` in a process and a Spark session of its own.

        It sends its result to `answer`, a Connection; `settings` are those above.
        """

    def end(self, task: Task) -> None:
        """Ends a task's process and its session, with the queries and streams that still run in it."""

    def kill(self, task: Task) -> None:
        """Ends a task's process, without care for its session."""

    def check(self) -> None:
        """Raises WorkspaceError where the workspace does not work, or has ended."""
