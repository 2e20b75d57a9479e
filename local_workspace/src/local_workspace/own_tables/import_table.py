"""Imports a file as the gold table of a domain, and says what the bundle's jobs make of it."""

import io
import json
import os
from pathlib import Path
from typing import Any

from local_workspace.bundle.bundle import Bundle
from local_workspace.errors import WorkspaceError
from local_workspace.jobs.outcomes import TaskRun
from local_workspace.jobs.report import Report
from local_workspace.jobs.runs import Jobs
from local_workspace.notebooks.own import run_own_notebook
from local_workspace.own_tables import imported
from local_workspace.own_tables.account import describe
from local_workspace.own_tables.domains import Domain, find_domain
from local_workspace.own_tables.table_files import Prepared, find_files, prepare
from local_workspace.workspace import machine, state
from local_workspace.workspace.opening import open_workspace
from local_workspace.workspace.tasks import RunningWorkspace
from local_workspace.workspace.temporary import own_folder

NOTEBOOKS = Path(__file__).with_name("notebooks")


def import_table(root: Path, domain: str, paths: list[Path], replace: bool) -> int:
    """Imports files as the gold table of target dev; returns the exit code, 1 if no features come of it."""
    bundle = Bundle(root, "dev")
    found = find_domain(bundle, domain)
    refuse_existing(root, found, replace)
    files = find_files(paths)
    machine.check()  # also that there is a place for what is made of the files
    with own_folder() as folder:  # which goes at the next start if this is killed
        prepared = prepare(files, folder)
        with open_workspace(root) as workspace:
            try:
                table = _import(workspace, found, prepared, files.paths, replace)
            finally:  # also of a table that was written before this is stopped: `reset` asks for it then
                if found.folder(workspace.state).exists():
                    paths_of_it = [path.resolve() for path in files.paths]
                    imported.remember(workspace.state, found.gold_table, paths_of_it)
            task = _make_features(workspace, bundle, found)
            features = _columns(workspace, found.feature_table) if task.status == "SUCCESS" else {}
    print(f"{found.gold_table} has {table['rows']:,} rows of {', '.join(map(str, paths))}.")
    for line in prepared.said:
        print(f"  {line}")
    if replace:
        print(f"What was made from a former one is removed: the features and predictions of {domain}.")
    print("\n".join(describe(found, table["columns"], features, task)))
    return 1 if task.status != "SUCCESS" else 0


def refuse_existing(root: Path, domain: Domain, replace: bool) -> None:
    """Raises where the domain has a gold table already, which is not to be replaced."""
    if not replace and domain.folder(root / state.NAME).exists():
        raise WorkspaceError(f"{domain.gold_table} exists already; replace it by --replace")


def _import(
    workspace: RunningWorkspace, domain: Domain, files: Prepared, paths: list[Path], replace: bool
) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        run_own_notebook(
            workspace,
            NOTEBOOKS / "import_table.py",
            table=domain.gold_table,
            kind=files.kind,
            files=json.dumps([os.fspath(path) for path in files.paths]),
            paths=json.dumps([os.fspath(path) for path in paths]),
            replace=str(replace).lower(),
            made_from_it=json.dumps([domain.feature_table, *domain.predictions]),
        )
    )
    return found


def _make_features(workspace: RunningWorkspace, bundle: Bundle, domain: Domain) -> TaskRun:
    """Runs the domain's own features task, so that what is said is what every run will do."""
    (task,) = Jobs(bundle, workspace, Report(io.StringIO())).run(domain.job, only=[domain.task]).tasks
    return task


def _columns(workspace: RunningWorkspace, table: str) -> list[str]:
    found: list[str] = json.loads(run_own_notebook(workspace, NOTEBOOKS / "columns.py", table=table))
    return found
