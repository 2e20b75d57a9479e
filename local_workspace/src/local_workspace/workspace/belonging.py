"""State belongs to its folder: one that was moved or copied gets paths of its own.

Spark's catalog, and MLflow's store, have absolute paths. Without this a copy would write the tables of the
original, and drop them.
"""

import os
import re
import subprocess
import time
from pathlib import Path

from local_workspace.compute.java import LOCALE, java
from local_workspace.compute.spark_jars import derby_jars
from local_workspace.errors import WorkspaceError
from local_workspace.workspace.locked import open_store

RECORD = "folder"  # in the state: the path for which it was made, or made its own
# The processes of a killed run have ended, as the state's lock is ours.
ENDED = "UPDATE runs SET status = 'KILLED', end_time = ? WHERE status IN ('RUNNING', 'SCHEDULED')"
RUNS = re.compile(r"(.*/(?:\.local_workspace|local_workspace(?:-\d+-|_links\S*/)[0-9a-f]{16}))/mlruns/\d+")
PATHS_OF_RUNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
PATHS_OF_TABLES = (("DBS", "DB_LOCATION_URI"), ("SDS", "LOCATION"), ("SERDE_PARAMS", "PARAM_VALUE"))
SECONDS = 60  # in which Derby answers


def make_own(state: Path, mlflow_folder: Path) -> str:
    """Changes the paths of another folder to those of this one; returns a sentence, empty if all were right.

    `mlflow_folder` is the state's folder by the path that MLflow gets.
    """
    record = state / RECORD
    made_for = Path(record.read_text(encoding="utf-8")) if record.exists() else None
    _make_runs_own(state / "mlflow.db", str(mlflow_folder))
    if made_for == state:
        return ""
    if (state / "metastore_db/service.properties").exists():
        made_for = _make_tables_own(state)
    record.touch(mode=0o600)
    record.write_text(str(state), encoding="utf-8")
    if made_for in (None, state):
        return ""
    return f"This state was moved or copied from {made_for}; its tables, runs and models are its own now."


def _make_runs_own(store: Path, folder: str) -> None:
    if not store.exists():
        return
    with open_store(store) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"experiments", "runs"} <= tables:
            return
        database.execute(ENDED, (int(time.time() * 1000),))
        locations = database.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        found = {match[1] for (location,) in locations if (match := RUNS.fullmatch(str(location)))}
        for other in found - {folder}:
            for table, column in PATHS_OF_RUNS:
                if table in tables:
                    changed = f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
                    where = f"WHERE substr({column}, 1, ?) = ? || '/'"
                    length = len(other) + 1
                    database.execute(f"{changed} {where}", (folder, length, length, other))


def _make_tables_own(state: Path) -> Path:
    """Returns the folder whose paths the catalog had."""
    said = _ask_derby(state, "SELECT DB_LOCATION_URI FROM APP.DBS WHERE NAME = 'default';")
    found = re.search(r"^(file:.*?)/warehouse *$", said, re.MULTILINE)
    if not found:
        return state  # a catalog without a schema yet
    old, new = found[1], f"file:{state}"
    if old != new:
        changes = [
            f"UPDATE APP.{table} SET {column} = {_quoted(new)} || SUBSTR({column}, {len(old) + 1}) "
            f"WHERE SUBSTR({column}, 1, {len(old) + 1}) = {_quoted(old + '/')};"
            for table, column in PATHS_OF_TABLES
        ]
        _ask_derby(state, "AUTOCOMMIT OFF;", *changes, "COMMIT;")
    return Path(old.removeprefix("file:"))


def _ask_derby(state: Path, *statements: str) -> str:
    """What Derby's own tool prints; raises where one of the statements fails."""
    script = "\n".join(
        ["MAXIMUMDISPLAYWIDTH 4000;", "CONNECT 'jdbc:derby:metastore_db';", *statements, "EXIT;"]
    )
    command = [java(), "-Dderby.ui.codeset=UTF-8", "-cp", os.pathsep.join(map(str, derby_jars()))]
    try:
        done = subprocess.run(
            [*command, "org.apache.derby.tools.ij"],
            cwd=state,
            env=os.environ | LOCALE,
            input=script.encode(),
            capture_output=True,
            timeout=SECONDS,
        )
        said = done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired:
        said = "ERROR"
    (state / "derby.log").unlink(missing_ok=True)
    if "ERROR" in said:
        raise WorkspaceError(
            f"{state} was moved or copied, and its catalog cannot be read; move it back, or restore it"
        )
    return said


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
