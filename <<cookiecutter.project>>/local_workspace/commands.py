"""How a command gets a running workspace, and runs a notebook in it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from local_workspace import damage, spark_jars, state
from local_workspace.errors import WorkspaceError
from local_workspace.found import FoundWorkspace, find
from local_workspace.workspace import Workspace

NOTEBOOKS = Path(__file__).with_name("notebooks")


@contextmanager
def open_workspace(root: Path, output: TextIO = sys.stderr) -> Iterator[Workspace | FoundWorkspace]:
    """The workspace of the bundle in `root`: that of `up` if it runs, else one while it is needed."""
    if found := find(root):
        with found:
            yield found
        return
    print("Starting Spark and the workspace's services ...", file=output, flush=True)
    if not spark_jars.class_path():
        print("Delta's jars come from Maven Central, this once ...", file=output, flush=True)
    for sentence in damage.unreadable_tables(root / state.NAME):
        print(sentence, file=output, flush=True)
    with Workspace(root) as workspace:
        yield workspace


def run_notebook(workspace: Workspace | FoundWorkspace, name: str, **parameters: str) -> str:
    """What a notebook of ours exits with; raises where it ends in another way."""
    log = workspace.logs / f"{name}.log"
    task = workspace.start_notebook(NOTEBOOKS / f"{name}.py", parameters, {}, log)
    try:
        while not task.result.poll(0.5):
            workspace.check()
        result = task.result.recv()
    except EOFError:
        result = {"error": f"its process ended by itself; {log} may say why"}
    finally:
        workspace.end_notebook(task)
    if result["error"]:
        raise WorkspaceError(result["error"].removeprefix("WorkspaceError: "))
    return result["exit"]
