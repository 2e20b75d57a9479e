"""Python processes forked from one that has the libraries loaded, so that each starts at once."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path


class Processes:
    """Starts processes; the libraries begin to load when this is made, and go on while others start."""

    def __init__(self, log: Path):
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["local_workspace.preload"])
        with _output_to(log):
            forkserver.ensure_running()

    def start(self, function: Callable, *args: object, daemon: bool = False) -> multiprocessing.Process:
        """Starts `function(*args)`; as a daemon it ends with this process, and can have no children."""
        process = self._context.Process(target=function, args=args, daemon=daemon)
        process.start()
        return process

    def pipe(self) -> tuple[Connection, Connection]:
        """A connection to receive by, and one to send by."""
        return self._context.Pipe(duplex=False)


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
