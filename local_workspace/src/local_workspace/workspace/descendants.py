"""The processes that a process has started, also those that have left its group and session.

Linux alone gives them back: an orphan's parent is then the nearest process that has called `adopt`.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # of prctl
ROUNDS = 20  # in each of which what was just started is found


def adopt() -> None:
    """From now on, this process is the parent of its children's orphans."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill(pid: int, spare: Iterable[int] = ()) -> None:
    """Kills the descendants of a process, but for some of its children and theirs."""
    for _ in range(ROUNDS):
        found = find(pid, set(spare))
        for one in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGKILL)
        if not found:
            return


def find(pid: int, spare: Collection[int] = ()) -> list[int]:
    """Those that run, but for some of its children and theirs."""
    children: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = file.read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                children.setdefault(int(parent), []).append(int(file.parent.name))
    found = [child for child in children.get(pid, []) if child not in spare]
    for one in found:
        found += children.get(one, [])
    return found
