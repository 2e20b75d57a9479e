"""Runs a notebook of this package's own in a workspace, and gives what it exits with."""

from pathlib import Path

from local_workspace.errors import WorkspaceError
from local_workspace.notebooks.process import start_notebook
from local_workspace.workspace.tasks import RunningWorkspace


def run_own_notebook(workspace: RunningWorkspace, path: Path, **parameters: str) -> str:
    """What the notebook exits with; raises where it ends in another way."""
    log = workspace.logs / f"{path.stem}.log"
    task = start_notebook(workspace, path, parameters, {}, log)
    try:
        while not task.result.poll(0.5):
            workspace.check()
        result = task.result.recv()
    except EOFError:
        result = {"error": f"its process ended by itself; {log} may say why"}
    finally:
        workspace.end(task)
    if result["error"]:
        raise WorkspaceError(result["error"].removeprefix("WorkspaceError: "))
    exited: str = result["exit"]
    return exited
