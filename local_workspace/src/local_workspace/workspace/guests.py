"""The commands that use the workspace of `up`.

A command connects once for itself, and once for each task. What it has started ends when its connection
closes, so a command that is killed leaves nothing behind.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Listener, wait

from local_workspace.errors import WorkspaceError
from local_workspace.workspace.belonging import end_runs
from local_workspace.workspace.tasks import RunningWorkspace, Task


class Guests:
    """The commands that use the workspace, each by a connection to this process."""

    def __init__(self, workspace: RunningWorkspace, version: int):
        self._workspace, self._version = workspace, version
        self._commands: set[Connection] = set()
        self._last = time.monotonic()
        self._tasks, self._has_killed, self._changing = 0, False, threading.Lock()

    def idle_seconds(self) -> float:
        """Since the last command ended; 0 while there is one."""
        return 0.0 if self._commands else time.monotonic() - self._last

    def say(self, sentence: str) -> None:
        """Tells every command why it has to end."""
        for command in list(self._commands):
            with suppress(OSError):
                command.send(sentence)

    def welcome(self, listener: Listener) -> None:
        while True:
            with suppress(OSError, EOFError):
                connection = listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with connection, suppress(OSError, EOFError, WorkspaceError):  # which `up` meets too, and says
            asked = connection.recv()
            if asked:
                self._run_task(connection, *asked)
            else:
                self._wait_for(connection)

    def _wait_for(self, command: Connection) -> None:
        """Until a command has ended."""
        self._commands.add(command)
        try:
            command.send((self._workspace.root, self._version, *self._workspace.connection()))
            wait([command])
        finally:
            self._commands.discard(command)
            self._last = time.monotonic()

    def _run_task(
        self, connection: Connection, function: Callable[..., None], arguments: tuple[object, ...]
    ) -> None:
        """Sends the process's id, then its answer, or none, and its exit code; ends it if nobody listens."""
        with self._changing:
            task = self._workspace.start(function, *arguments)
            self._tasks += 1
        try:
            connection.send(task.process.pid)
            if task.result.fileno() in wait([task.result.fileno(), connection]):
                answer = None
                with suppress(EOFError):
                    answer = task.result.recv()
                if not answer:
                    task.process.join()
                connection.send((answer, task.process.exitcode))
        finally:
            self._end(task)

    def _end(self, task: Task) -> None:
        """Ends a task; once none runs, also MLflow's runs that killed ones have left."""
        self._workspace.end(task)
        with self._changing:
            self._tasks -= 1
            self._has_killed |= task.process.exitcode != 0
            if self._has_killed and not self._tasks:
                self._has_killed = False
                end_runs(self._workspace.state)
