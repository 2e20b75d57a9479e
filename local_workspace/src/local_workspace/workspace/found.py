"""A workspace that `up` keeps running, for other commands: it does what a Workspace of their own does."""

import os
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from local_workspace.compute.ours import is_ours
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import state
from local_workspace.workspace.tasks import Task
from local_workspace.workspace.temporary import PRIVATE

LINK = "up"  # in the state, to the socket
PACKAGE = Path(__file__).parents[1]
PINNED = ("pyproject.toml", "uv.lock")
SECONDS = 10  # in which `up` answers
START_SECONDS = 60  # in which it starts a process, also while the libraries load
SILENT = (
    "`up` does not answer; it may be stopped, as by Ctrl-Z: continue it by `fg` in its terminal, or end it"
)
ENDED = "`up` has ended, and this with it; start it anew, or do without it"


class FoundWorkspace:
    """`root` is the bundle's folder; `state` is the folder of what lasts, `logs` is in it."""

    def __init__(self, root: Path, socket: str):
        self.root = root
        self.state = root / state.NAME
        self.logs = self.state / "logs"
        self._socket = socket
        self._up = Client(socket, "AF_UNIX")
        self._up.send(None)
        served, *self._connection = _answer(self._up, SECONDS)
        if served != root:  # as of a state that was copied while `up` ran
            self._up.close()
            raise ConnectionRefusedError(served)
        if self._connection.pop(0) != version_of(root):
            raise WorkspaceError("`up` runs since before packages or local_workspace changed; start it anew")

    def __enter__(self) -> "FoundWorkspace":
        return self

    def __exit__(self, *error: object) -> None:
        self._up.close()

    def connection(self) -> tuple[dict[str, str], str]:
        """The environment of a task, and Spark's address with a session of its own."""
        return tuple(self._connection)

    def start(self, function: Callable[..., None], *arguments: object) -> Task:
        """Starts a task's process, which ends with this one at the latest."""
        try:
            connection = Client(self._socket, "AF_UNIX")
            connection.send((function, arguments))
            process = FoundProcess(connection)
        except (OSError, EOFError):
            self.check()
            raise WorkspaceError(ENDED) from None
        return Task(process, process, "")

    def end(self, task: Task) -> None:
        task.process.kill()

    kill = end

    def check(self) -> None:
        """Raises where the workspace does not work, or has ended."""
        if self._up.poll():
            try:
                problem = self._up.recv()
            except (OSError, EOFError):
                problem = ENDED
            raise WorkspaceError(problem)


class FoundProcess:
    """A task in a process of `up`: that process, and the connection that its result comes by."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self.pid: int = _answer(connection, START_SECONDS)
        self.exitcode: int | None = None

    def fileno(self) -> int:
        return self._connection.fileno()

    def poll(self, timeout: float = 0.0) -> bool:
        return self._connection.poll(timeout)

    def recv(self) -> dict[str, Any]:
        """Its answer; raises EOFError where it ended without one."""
        answer: dict[str, Any] | None
        try:
            answer, self.exitcode = self._connection.recv()
        except (OSError, EOFError):
            raise WorkspaceError(ENDED) from None
        if answer is None:
            raise EOFError
        return answer

    def join(self, timeout: float | None = None) -> None:
        """It has ended where its exit code is known."""

    def kill(self) -> None:
        """`up` kills it when the connection closes."""
        self._connection.close()


def find(root: Path) -> FoundWorkspace | None:
    """The workspace that `up` runs for this bundle, if it does."""
    with suppress(OSError, EOFError):
        socket = os.readlink(root / state.NAME / LINK)
        # What answers is unpickled, and after an `up` that was killed anybody may take this name.
        if is_ours(Path(socket).parent, PRIVATE):
            return FoundWorkspace(root, socket)
    return None


def forget(state: Path) -> None:
    """Removes the link that an `up` has left which was killed; for who has the state's lock."""
    (state / LINK).unlink(missing_ok=True)


def _answer(connection: Connection, seconds: float) -> Any:
    if not connection.poll(seconds):
        connection.close()
        raise WorkspaceError(SILENT)
    return connection.recv()


def version_of(root: Path) -> int:
    """When that which `up` has loaded was changed last."""
    files = [*PACKAGE.rglob("*.py"), *(root / name for name in PINNED)]
    return max(file.stat().st_mtime_ns for file in files if file.exists())
