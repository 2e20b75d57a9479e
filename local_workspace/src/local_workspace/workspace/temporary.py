"""The folder for what does not last: one for each run, which goes with it, or when a later run starts."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import util
from pathlib import Path

from local_workspace.compute.ours import is_ours
from local_workspace.errors import WorkspaceError

PREFIX, OWNER = "local_workspace-", "owner"
PRIVATE = 0o077  # what others may not do there


def temporary_folder() -> str:
    """Where temporary files belong, as Python finds it; raises where none can be written to."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:  # it has tried to write to each
        raise WorkspaceError(
            f"TMPDIR: {error.strerror}; make room or one of these writable, or name another by TMPDIR"
        ) from None


@contextmanager
def own_folder() -> Iterator[Path]:
    """A new folder, which this user alone can read; it is locked while its owner lives."""
    remove_left_behind()
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder, sockets = Path(name), Path(util.get_temp_dir())  # of Python's processes
        unnamed = folder / "new"
        with open(unnamed, "w", encoding="utf-8") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            owner.write(str(sockets))
            owner.flush()
            unnamed.rename(folder / OWNER)  # nobody finds it before it is locked
            try:
                yield folder
            finally:
                owner.truncate(0)  # unlocked soon, by an owner who goes on to need its sockets
                sockets.mkdir(mode=0o700, exist_ok=True)  # else Python complains at its end that it is gone


def remove_left_behind() -> None:
    """Removes what is surely of a run that was killed: this user's, with a lock that nobody holds."""
    for folder in Path(temporary_folder()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if is_ours(folder, PRIVATE):
                with open(folder / OWNER, encoding="utf-8") as owner:
                    fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    sockets = Path(owner.read())
                    if sockets.name.startswith("pymp-") and is_ours(sockets, PRIVATE):
                        shutil.rmtree(sockets, ignore_errors=True)
                    shutil.rmtree(folder, ignore_errors=True)
