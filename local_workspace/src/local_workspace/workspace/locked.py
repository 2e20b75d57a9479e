"""Files of the state that another program has locked: no damage, so this waits, and says for whom."""

import fcntl
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from local_workspace.errors import WorkspaceError

SECONDS = 30  # as long as a person would wait
BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")


@contextmanager
def open_store(file: Path) -> Iterator[sqlite3.Connection]:
    """MLflow's store, once nobody else reads or writes it."""
    with closing(sqlite3.connect(file, timeout=0.1)) as store:
        store.isolation_level = None

        def is_free() -> bool:
            try:
                store.execute("BEGIN EXCLUSIVE")  # or a COMMIT would meet who still reads
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith(BUSY):
                    raise
                return False
            return True

        wait_for(file, is_free)
        yield store
        if store.in_transaction:
            store.commit()


def wait_for_catalog(catalog: Path) -> None:
    """Until no other Derby has the catalog open, which locks this file."""
    file = catalog / "dbex.lck"

    def is_free() -> bool:
        try:
            with open(file, "r+b") as lock:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    if file.exists():
        wait_for(file, is_free)


def wait_for(file: Path, is_free: Callable[[], bool]) -> None:
    """Raises where it does not become free."""
    if is_free():
        return
    print(f"{file} is locked by {who_has(file)}; this waits for it, up to {SECONDS} s", file=sys.stderr)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if is_free():
            return
        time.sleep(0.2)
    raise WorkspaceError(locked(file))


def locked(file: Path, ours: Iterable[int] = ()) -> str:
    who = who_has(file, ours)
    return f"{file} is locked by {who}, and nothing is wrong with it; end that, then run this again"


def who_has(file: Path, ours: Iterable[int] = ()) -> str:
    """The programs but for ours that have locked it, where the system says so, as Linux does."""
    found = []
    with suppress(OSError):
        about = file.stat()
        device = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" not in line]
        holders = {int(lock[4]) for lock in locks if lock[5] == device}
        for process in sorted(holders - {os.getpid(), *ours}):
            with suppress(OSError):
                name = Path(f"/proc/{process}/comm").read_text().strip()
                found.append(f"{name} (process {process})")
    return ", ".join(found) or "another program, such as a database viewer"
