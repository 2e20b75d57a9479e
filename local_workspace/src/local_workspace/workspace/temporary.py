"""The folder for what does not last: one for each run, which goes with it, or when a later run starts."""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import util
from pathlib import Path

PREFIX, OWNER = "local_workspace-", "owner"


@contextmanager
def own_folder() -> Iterator[Path]:
    """A new folder, which this user alone can read; it is locked while its owner lives."""
    remove_left_behind()
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unnamed = folder / "new"
        with open(unnamed, "w", encoding="utf-8") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            owner.write(util.get_temp_dir())  # where Python has the sockets of processes
            owner.flush()
            unnamed.rename(folder / OWNER)  # nobody finds it before it is locked
            yield folder


def remove_left_behind() -> None:
    """Removes what is surely of a run that was killed: this user's, with a lock that nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_ours(folder):
                with open(folder / OWNER, encoding="utf-8") as owner:
                    fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    sockets = Path(owner.read())
                    if sockets.name.startswith("pymp-") and _is_ours(sockets):
                        shutil.rmtree(sockets, ignore_errors=True)
                    shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """No link, and nobody else's."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
