"""Removes all local state; asks before it removes imported tables."""

import argparse
import sys

from local_workspace.bundle.root import find_root
from local_workspace.errors import WorkspaceError
from local_workspace.own_tables import imported
from local_workspace.workspace import state

HELP = "remove all local state: tables, runs, models, logs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask, though tables were imported")


def run(arguments: argparse.Namespace) -> int:
    """Returns 1 where the answer was no."""
    root = find_root()
    tables = imported.recall(root / state.NAME)
    if tables and not arguments.yes and not _agreed(tables):
        print("Nothing was removed.")
        return 1
    state.reset(root)
    return 0


def _agreed(tables: dict[str, list[str]]) -> bool:
    names = ", ".join(f"{table} (from {', '.join(files)})" for table, files in tables.items())
    if not sys.stdin.isatty():
        raise WorkspaceError(f"reset would remove what you imported, {names}; agree by --yes")
    try:
        return input(f"Remove all state, and with it {names}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
