"""Python processes forked from one that has the libraries loaded, so that each starts at once."""

import multiprocessing
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from local_workspace.compute.causes import end_of
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import damage, descendants
from local_workspace.workspace.tasks import Process

PRELOAD = "local_workspace.workspace.preload"


class Processes:
    """Starts processes; the libraries begin to load when this is made, and go on while others start."""

    def __init__(self, log: Path):
        self._changing, self._closed = threading.Lock(), False
        self._begun = vars(forkserver)["_forkserver"]._forkserver_pid is None
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["local_workspace.workspace.preload"])
        self._log = log
        with _output_to(log):
            forkserver.ensure_running()
        server = vars(forkserver)["_forkserver"]  # Python tells these two nowhere else
        self._server: int = server._forkserver_pid
        self._alive: int = server._forkserver_alive_fd

    def start(self, function: Callable[..., None], *args: object, daemon: bool = False) -> BaseProcess:
        """Starts `function(*args)`; as a daemon it can have no children. It ends with this process."""
        process = self._context.Process(target=_call, args=(function, *args), daemon=daemon)
        with self._changing:
            if self._closed:
                raise WorkspaceError("The workspace has ended, so nothing starts in it any more")
            self.check()  # or Python would start another server, with another environment
            process.start()
        return process

    def check(self) -> None:
        """Raises where the server has ended, which then reads no more from its pipe, or cannot be reached."""
        if not os.path.exists(sockets := util.get_temp_dir()):
            raise WorkspaceError(damage.removed(sockets))
        poll = select.poll()
        poll.register(self._alive, 0)  # for what is said without having been asked for
        if poll.poll(0):
            raise WorkspaceError(end_of("The process that tasks are forked from ended by itself", self._log))

    def end(self, process: Process) -> None:
        """Kills a process, if it still runs, and those that it has started."""
        assert process.pid is not None  # since it was started
        with suppress(ProcessLookupError):
            os.kill(self._server, signal.SIGCONT)  # which says that a process has ended, unless it is stopped
        descendants.kill(process.pid)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()
        with self._changing:  # or one that starts now were taken for an orphan
            living = [child.pid for child in multiprocessing.active_children() if child.pid]
            descendants.kill(self._server, spare=living)  # the orphans

    def close(self) -> None:
        """Ends the tasks that still run; none starts any more."""
        with self._changing:
            self._closed = True
        for process in multiprocessing.active_children():
            if not process.daemon:
                self.end(process)

    def stop(self) -> None:
        """Ends the process that all are forked from: another workspace has another environment."""
        if self._begun:
            with suppress(ProcessLookupError):
                os.kill(self._server, signal.SIGKILL)
            with suppress(OSError):  # its socket is gone
                vars(forkserver)["_forkserver"]._stop()

    def pipe(self) -> tuple[Connection, Connection]:
        """A connection to receive by, and one to send by."""
        return self._context.Pipe(duplex=False)


def memory_mb(process: Process) -> int:
    """The most memory that a running process has had; 0 where the system does not say."""
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return 0


def _call(function: Callable[..., None], *args: object) -> None:
    """Calls it in a process group of its own, which is killed when the workspace's process has ended."""
    if PRELOAD not in sys.modules:
        raise RuntimeError("preload did not load, so each task would load every library anew")
    os.setpgrp()
    descendants.adopt()

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None  # since this is a child
        wait([parent.sentinel])
        descendants.kill(os.getpid())
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    function(*args)


@contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Sends what processes started in here write to a file."""
    terminal = [os.dup(1), os.dup(2)]
    with open(path, "w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        for number, saved in enumerate(terminal, start=1):
            os.dup2(saved, number)
            os.close(saved)
