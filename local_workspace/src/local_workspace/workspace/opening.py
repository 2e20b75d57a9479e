"""How a command gets a running workspace."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from local_workspace.compute import spark_jars
from local_workspace.workspace import damage, machine, state
from local_workspace.workspace.found import find, forget
from local_workspace.workspace.started import Workspace
from local_workspace.workspace.tasks import RunningWorkspace


@contextmanager
def open_workspace(root: Path, output: TextIO = sys.stderr) -> Iterator[RunningWorkspace]:
    """The workspace of the bundle in `root`: that of `up` if it runs, else one while it is needed."""
    if found := find(root):
        with found:
            yield found
    else:
        with start_workspace(root, output) as workspace:
            yield workspace


@contextmanager
def start_workspace(root: Path, output: TextIO = sys.stderr) -> Iterator[Workspace]:
    """A workspace of this process while it is needed; says what is worth to know meanwhile."""
    machine.check()  # before all else, which may need what it names
    print("Starting Spark and the workspace's services ...", file=output, flush=True)
    if not spark_jars.class_path():
        print("Delta's jars come from Maven Central, this once ...", file=output, flush=True)
    for sentence in damage.unreadable_tables(root / state.NAME):
        print(sentence, file=output, flush=True)
    with Workspace(root) as workspace:
        forget(workspace.state)
        if workspace.notice:
            print(workspace.notice, file=output, flush=True)
        yield workspace
