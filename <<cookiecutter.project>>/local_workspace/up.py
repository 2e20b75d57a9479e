"""Keeps a workspace running: other commands find it, and start their notebooks in it.

A command connects once for itself, and once for each notebook. What it has started ends when its connection
closes, so a command that is killed leaves nothing behind.
"""

import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection, Listener, wait
from pathlib import Path

from local_workspace import found
from local_workspace.commands import open_workspace, run_notebook
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import Workspace


def up(root: Path, idle_minutes: float) -> int:
    """Runs until it is stopped, or for so many minutes without a command; returns the exit code."""
    version = found.version_of(root)
    if found.find(root):
        raise WorkspaceError(f"`up` runs already for {root}; use it, or end it there by Ctrl-C")
    with (
        open_workspace(root, sys.stdout) as workspace,
        Listener(str(workspace.folder / "up"), "AF_UNIX", 64) as listener,
    ):
        guests = Guests(workspace, version)
        threading.Thread(target=guests.welcome, args=(listener,), daemon=True).start()
        link = workspace.state / found.LINK
        link.unlink(missing_ok=True)
        link.symlink_to(listener.address)
        try:
            with suppress(WorkspaceError):  # which the first command meets too, and says
                run_notebook(workspace, "warm", folder=str(workspace.folder))
            until = f"until Ctrl-C or {idle_minutes:g} idle minutes"
            print(f"Ready. Other commands use this workspace, {until}.", flush=True)
            while guests.idle_seconds() < idle_minutes * 60:
                workspace.check()
                time.sleep(0.5)
        except WorkspaceError as error:
            guests.say(str(error))
            raise
        finally:
            link.unlink()
    print(f"No command came for {idle_minutes:g} minutes, so this ends.")
    return 0


class Guests:
    """The commands that use the workspace, each by a connection to this process."""

    def __init__(self, workspace: Workspace, version: int):
        self._workspace, self._version = workspace, version
        self._commands: set[Connection] = set()
        self._last = time.monotonic()

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
        with connection, suppress(OSError, EOFError):
            asked = connection.recv()
            if asked:
                self._run_notebook(connection, asked)
            else:
                self._wait_for(connection)

    def _wait_for(self, command: Connection) -> None:
        """Until a command has ended."""
        self._commands.add(command)
        try:
            command.send((self._version, *self._workspace.connection()))
            wait([command])
        finally:
            self._commands.discard(command)
            self._last = time.monotonic()

    def _run_notebook(self, connection: Connection, asked: dict) -> None:
        """Sends the process's id, then its answer, or none, and its exit code; ends it if nobody listens."""
        task = self._workspace.start_notebook(**asked)
        try:
            connection.send(task.process.pid)
            if task.result in wait([task.result, connection]):
                answer = None
                with suppress(EOFError):
                    answer = task.result.recv()
                if not answer:
                    task.process.join()
                connection.send((answer, task.process.exitcode))
        finally:
            self._workspace.end_notebook(task)
