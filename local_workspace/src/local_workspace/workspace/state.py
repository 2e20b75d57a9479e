"""The folder of everything that lasts from one command to the next: tables, MLflow's store, models, logs."""

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import TextIO

from local_workspace.compute.ours import is_ours
from local_workspace.errors import WorkspaceError

NAME = ".local_workspace"
KILLED_SECONDS = 2  # within which all has ended that a killed run had started
PLAIN = re.compile(r"[\w./-]+", re.ASCII)


def lock(folder: Path) -> TextIO:
    """Keeps other commands out until what it returns is closed."""
    mask = os.umask(0o077)  # all of it is its owner's alone
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        held = open(folder / "lock", "w")
    except OSError as error:
        problem = f"{folder} cannot be used as a folder, {error.strerror}"
        raise WorkspaceError(f"{problem}; remove what is there, or make it writable") from None
    finally:
        os.umask(mask)
    deadline = time.monotonic() + KILLED_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return held
        except BlockingIOError:
            time.sleep(0.1)
    held.close()
    raise WorkspaceError(f"{folder} is in use by another run, or by `up`; wait for it, or end it")


def reset(bundle_root: Path) -> None:
    """Removes all state, unless a run is using it."""
    folder = bundle_root / NAME
    if folder.exists():
        held = lock(folder)
        shutil.rmtree(folder)
        _link(folder).unlink(missing_ok=True)
        held.close()


def mlflow_folder(folder: Path) -> Path:
    """The state's folder by a path that MLflow can handle: a link, if its own has a space, %, ? or such."""
    if PLAIN.fullmatch(str(folder)):
        return folder
    link = _link(folder)
    link.unlink(missing_ok=True)
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
