"""Removes all local state; asks before it removes imported tables."""

import sys
from pathlib import Path

from local_workspace import imported, state
from local_workspace.errors import WorkspaceError


def reset(root: Path, yes: bool) -> int:
    """Returns the exit code: 1 where the answer was no."""
    tables = imported.recall(root / state.NAME)
    if tables and not yes and not _agreed(tables):
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
