"""What of this machine keeps Spark or MLflow from starting, said before they try."""

import os
import pwd
import resource
from importlib.util import find_spec

from local_workspace.errors import WorkspaceError
from local_workspace.workspace.temporary import temporary_folder

OPEN_FILES = 512  # Spark alone has some 400 jars, sockets and files; with 256 it does not start
PATH_BYTES = 70  # of the temporary folder; a socket's path has 104 on macOS, and 33 of them are our names


def check() -> None:
    """Raises where the user, the limit of open files, or a path is none to start with."""
    _check_user()
    _check_open_files()
    _check_packages()
    _check_temporary()


def _check_user() -> None:
    user = os.getuid()
    try:
        pwd.getpwuid(user)
    except KeyError:
        entry = f"me:x:{user}:{os.getgid()}::{os.environ.get('HOME', '/')}:/bin/sh"
        raise WorkspaceError(
            f"user: {user} has no entry in /etc/passwd, and Spark does not start without a user's name; "
            f"have root add the line {entry}, or start the container as a user that it knows"
        ) from None


def _check_open_files() -> None:
    """Takes what this user may have, where the limit that holds is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        raise WorkspaceError(
            f"ulimit: only {hard} files may be open at once, and a run needs {OPEN_FILES}; "
            f"allow them, as by ulimit -n {OPEN_FILES}"
        )
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))


def _check_packages() -> None:
    mlflow = find_spec("mlflow")
    if mlflow and "%" in os.path.realpath(str(mlflow.origin)):
        folder = os.path.dirname(os.path.realpath(str(mlflow.origin)))
        raise WorkspaceError(
            f"{folder}: MLflow does not work in a folder whose path has a %; rename that folder and install "
            "anew, or name another for the packages by UV_PROJECT_ENVIRONMENT"
        )


def _check_temporary() -> None:
    folder = temporary_folder()
    if (length := len(os.fsencode(folder))) > PATH_BYTES:
        why = f"of more than {PATH_BYTES} the paths of sockets become too long"
        raise WorkspaceError(f"TMPDIR: {folder} has {length} bytes, and {why}; name a shorter one")
