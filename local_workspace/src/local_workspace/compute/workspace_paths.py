"""Paths that a workspace alone has: volumes, DBFS, workspace files. They are refused, read or written.

Stands for https://docs.databricks.com/aws/en/files/
"""

import os
import re
import sys

WORKSPACE_PATH = re.compile(r"(?:file:)?/*(/(?:Volumes|Workspace|dbfs)(?:/[^/]*)?).*|dbfs:/.*", re.DOTALL)
EVENTS = ("open", "os.chdir", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.scandir")


def refuse_path(path: str | None) -> None:
    """Raises PermissionError where `path` is one of a workspace, and this machine has nothing of that name.

    macOS mounts its disks at /Volumes.
    """
    found = WORKSPACE_PATH.fullmatch(path or "")
    if found and not (found[1] and os.path.exists(found[1])):
        raise PermissionError(
            f"{path}: the local workspace has no volumes, DBFS or workspace files; keep data in tables, "
            "or files in a temporary folder"
        )


def refuse_to_open() -> None:
    """From now on, this process neither opens nor makes files at such paths."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in EVENTS and isinstance(arguments[0], str | bytes | os.PathLike):
            refuse_path(os.fsdecode(arguments[0]))

    sys.addaudithook(hook)
