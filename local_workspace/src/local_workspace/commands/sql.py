"""Runs one SQL statement, and prints what it gives."""

import argparse
import os
from pathlib import Path

from local_workspace.bundle.root import find_root
from local_workspace.errors import WorkspaceError

HELP = "run a SQL statement, and print what it gives"
NOTEBOOK = Path(__file__).with_name("notebooks") / "sql.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("statement")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write all rows to a file instead")


def run(arguments: argparse.Namespace) -> int:
    """Without a file of CSV the first hundred rows are printed."""
    from local_workspace.bundle.table_names import to_local
    from local_workspace.notebooks.own import run_own_notebook
    from local_workspace.workspace.opening import open_workspace

    root, csv = find_root(), arguments.csv
    if csv and (csv.is_dir() or not os.access(csv.absolute().parent, os.W_OK)):
        raise WorkspaceError(f"--csv: {csv} cannot be written; name a file in a folder of yours")
    parameters = {"statement": to_local(arguments.statement, root), "csv": str(csv.absolute()) if csv else ""}
    with open_workspace(root) as workspace:
        print(run_own_notebook(workspace, NOTEBOOK, **parameters))
    return 0
