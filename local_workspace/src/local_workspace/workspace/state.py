"""The folder of everything that lasts from one command to the next: tables, MLflow's store, models, logs."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from local_workspace.compute.ours import is_ours
from local_workspace.errors import WorkspaceError
from local_workspace.workspace.belonging import refuse_shared

NAME = ".local_workspace"
KILLED_SECONDS = 2  # within which all has ended that a killed run had started
REMEDIES = {
    errno.EACCES: "make it yours, and writable",
    errno.EPERM: "make it yours, and writable",
    errno.EROFS: "make its disk writable",
    errno.ENOSPC: "make room on its disk",
    errno.EDQUOT: "make room on its disk",
    errno.EMFILE: "allow more open files, as by ulimit -n 4096",
}
REMOVED = "removed"  # what a `reset` removes, within the state
PLAIN = re.compile(r"[\w./-]+", re.ASCII)


def check_path(folder: Path) -> None:
    """Raises where Derby makes a catalog, but cannot open it again."""
    if ":" in str(path := folder.resolve()):
        raise WorkspaceError(
            f"{path}: Spark's catalog cannot be opened in a folder whose path has a colon; rename that "
            f"folder, or make {NAME} a link to a folder elsewhere"
        )


def lock(folder: Path) -> TextIO:
    """Keeps other commands out until what it returns is closed."""
    held = _open_lock(folder)
    deadline = time.monotonic() + KILLED_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
        except OSError as error:
            problem = f"{folder}: its disk has no locks ({error.strerror})"
            raise WorkspaceError(f"{problem}; make it a link to a folder of a local disk") from None
        else:
            if _is_there(held):
                shutil.rmtree(folder / REMOVED, ignore_errors=True)
                return held
            held.close()  # `reset` removed it while this waited, and others make a new one
            held = _open_lock(folder)
    held.close()
    raise WorkspaceError(f"{folder} is in use by another run, or by `up`; wait for it, or end it")


def _open_lock(folder: Path) -> TextIO:
    mask = os.umask(0o077)  # all of it is its owner's alone
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        return open(folder / "lock", "w")
    except OSError as error:
        raise WorkspaceError(_unusable(folder, error)) from None
    finally:
        os.umask(mask)


def _unusable(folder: Path, error: OSError) -> str:
    """Says that something is to be removed only where a file is in the way: all else keeps the state."""
    in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
    for file in (folder, folder / "logs"):
        if in_the_way and file.is_file():
            return f"{folder} cannot be used as a folder, as {file} is a file; remove that file"
        if in_the_way and file.is_symlink() and not file.exists():
            link = f"{file} is a link to {file.readlink()}"
            return f"{link}, which is not there; mount its disk, or correct the link"
    remedy = REMEDIES.get(error.errno or 0, "correct that, then run this again")
    return f"{folder} cannot be used, {error.filename or folder}: {error.strerror}; {remedy}"


def _is_there(held: TextIO) -> bool:
    try:
        return os.path.samestat(os.fstat(held.fileno()), os.stat(held.name))
    except FileNotFoundError:
        return False


def reset(bundle_root: Path) -> None:
    """Removes all state, unless a run is using it; of a link it empties the folder that it leads to."""
    folder = bundle_root / NAME
    if not os.path.lexists(folder):
        return
    with lock(folder):
        refuse_shared(folder)
        _link(folder).unlink(missing_ok=True)
        removed = folder / REMOVED
        removed.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if path.name not in (REMOVED, "lock"):
                path.rename(removed / path.name)
        shutil.rmtree(removed)  # if this is killed, the next command does it
        (folder / "lock").unlink()  # last: who waits for it finds nothing half removed
        if not folder.is_symlink():
            with suppress(OSError):  # another command makes a new state there
                folder.rmdir()


def mlflow_folder(folder: Path) -> Path:
    """The state's folder by a path that MLflow can handle: a link, if its own has a space, %, ? or such."""
    if PLAIN.fullmatch(str(folder)):
        return folder
    link = _link(folder)
    for found in link.parent.iterdir():
        if found == link or not os.path.exists(
            found
        ):  # of a bundle that is gone; one that comes back has it anew
            found.unlink(missing_ok=True)
    link.symlink_to(folder)
    return link


def _link(folder: Path) -> Path:
    return _links() / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def _links() -> Path:
    """A folder that nobody else can write to: whoever could, might lead MLflow to models of theirs."""
    links = Path(os.path.expanduser("~"), ".cache/local_workspace_links")
    if not PLAIN.fullmatch(str(links)):
        links = Path(tempfile.gettempdir(), f"local_workspace_links-{os.getuid()}")
    links.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_ours(links):
        raise WorkspaceError(f"{links}: others can write there, or it is not yours; remove it")
    return links
