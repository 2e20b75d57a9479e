"""Keeps a workspace running: other commands find it, and start their notebooks in it."""

import argparse
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from local_workspace.bundle.root import find_root
from local_workspace.errors import WorkspaceError
from local_workspace.options import number

MOST_MINUTES = 525_600  # a year
HELP = "keep the workspace running, which other commands then use"
NOTEBOOK = Path(__file__).with_name("notebooks") / "warm.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    idle = "how long without a command (default: 60)"
    parser.add_argument(
        "--idle", type=number(float, 0.01, MOST_MINUTES), default=60, metavar="MINUTES", help=idle
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs until it is stopped, or for so many minutes without a command."""
    from multiprocessing.connection import Listener

    from local_workspace.notebooks.own import run_own_notebook
    from local_workspace.workspace import found
    from local_workspace.workspace.guests import Guests
    from local_workspace.workspace.opening import start_workspace

    root, idle_minutes = find_root(), arguments.idle
    version = found.version_of(root)
    if found.find(root):
        raise WorkspaceError(f"`up` runs already for {root}; use it, or end it there by Ctrl-C")
    with (
        start_workspace(root, sys.stdout) as workspace,
        Listener(str(workspace.folder / "up"), "AF_UNIX", 64) as listener,
    ):
        guests = Guests(workspace, version)
        threading.Thread(target=guests.welcome, args=(listener,), daemon=True).start()
        link = workspace.state / found.LINK
        link.symlink_to(listener.address)
        try:
            with suppress(WorkspaceError):  # which the first command meets too, and says
                run_own_notebook(workspace, NOTEBOOK, folder=str(workspace.folder))
            until = f"until Ctrl-C or {idle_minutes:g} idle minutes"
            print(f"Ready. Other commands use this workspace, {until}.", flush=True)
            while guests.idle_seconds() < idle_minutes * 60:
                workspace.check()
                time.sleep(0.5)
        except (WorkspaceError, KeyboardInterrupt) as error:
            guests.say(str(error) or found.ENDED)
            raise
        finally:
            link.unlink(missing_ok=True)
    print(f"No command came for {idle_minutes:g} minutes, so this ends.")
    return 0
