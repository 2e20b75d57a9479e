"""Runs one SQL statement, and prints what it gives."""

import os
from pathlib import Path

from local_workspace.commands import open_workspace, run_notebook
from local_workspace.errors import WorkspaceError
from local_workspace.table_names import to_local


def sql(root: Path, statement: str, csv: Path | None) -> int:
    """`csv` gets all rows; without it the first hundred are printed."""
    if csv and (csv.is_dir() or not os.access(csv.absolute().parent, os.W_OK)):
        raise WorkspaceError(f"--csv: {csv} cannot be written; name a file in a folder of yours")
    path = str(csv.absolute()) if csv else ""
    with open_workspace(root) as workspace:
        print(run_notebook(workspace, "sql", statement=to_local(statement, root), csv=path))
    return 0
