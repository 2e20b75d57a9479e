"""State belongs to its folder: one that was moved or copied gets paths of its own.

Spark's catalog, and MLflow's store, have absolute paths. Without this a copy would write the tables of the
original, and drop them.
"""

import os
import re
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from local_workspace.compute.causes import cause
from local_workspace.compute.java import LOCALE, java
from local_workspace.compute.spark_jars import derby_jars
from local_workspace.errors import WorkspaceError
from local_workspace.workspace.locked import open_store

RECORD = "folder"  # in the state: for which path and catalog it was made, or made its own
ENDED = "UPDATE runs SET status = 'KILLED', end_time = ? WHERE status IN ('RUNNING', 'SCHEDULED')"
RUNS = re.compile(r"(.*/(?:\.local_workspace|local_workspace(?:-\d+-|_links\S*/)[0-9a-f]{16}))/mlruns/\d+")
PATHS_OF_RUNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)
# The one that is asked for comes last: where an update before it fails, it fails most likely too.
PATHS_OF_TABLES = (("SDS", "LOCATION"), ("SERDE_PARAMS", "PARAM_VALUE"), ("DBS", "DB_LOCATION_URI"))
CATALOG = "metastore_db/service.properties"
SECONDS = 60  # in which Derby answers
# As its tool prints them after its prompt; a folder's name may have such words too.
ERROR = re.compile(r"^(?:ij> )*((?:ERROR \w{5}|JAVA ERROR): .*)", re.MULTILINE)
NO_SCHEMA = re.compile(r"^(?:ij> )*(?:ERROR (?:42Y07|42X05): |0 rows selected)", re.MULTILINE)


def make_own(state: Path, mlflow_folder: Path) -> str:
    """Changes the paths of another folder to those of this one; returns a sentence, empty if all were right.

    `mlflow_folder` is the state's folder by the path that MLflow gets.
    """
    refuse_shared(state)
    record = _read(state)
    _make_runs_own(state / "mlflow.db", str(mlflow_folder))
    if record == _record(state):
        return ""
    made_for = _folder_in(record) or state
    if (state / CATALOG).exists():
        made_for = _make_tables_own(state)
    note(state)
    if made_for == state:
        return ""
    return f"This state was moved or copied from {made_for}; its tables, runs and models are its own now."


def refuse_shared(state: Path) -> None:
    """Raises where another bundle has this very state, by a link."""
    other = _folder_in(_read(state))
    with suppress(OSError):  # that bundle is gone: it was moved
        if other and other.samefile(state) and not other.parent.samefile(state.parent):
            raise WorkspaceError(
                f"{state} is the state of {other.parent} too, by a link; give each a folder of its own: "
                "remove the link in one of them, or let it lead elsewhere"
            )


def note(state: Path) -> None:
    """Writes down that the paths in this state are its own, so that Derby is not asked again."""
    file = state / RECORD
    file.touch(mode=0o600)
    file.write_text(_record(state), encoding="utf-8")


def _read(state: Path) -> str:
    file = state / RECORD
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _folder_in(record: str) -> Path | None:
    return Path(record.split("\n")[0]) if record else None


def _record(state: Path) -> str:
    """The folder and its catalog, as one that was restored here may be of another folder.

    The time is that of the file's last change of any kind: a number alone may be given again.
    """
    catalog = state / CATALOG
    found = catalog.stat() if catalog.exists() else None
    return f"{state}\n{found.st_ino} {found.st_ctime_ns}" if found else str(state)


def end_runs(state: Path) -> None:
    """Ends MLflow's runs that have no end; for who knows that no task runs."""
    if (state / "mlflow.db").exists():
        with open_store(state / "mlflow.db") as database:
            _end_runs(database)


def _end_runs(database: sqlite3.Connection) -> None:
    database.execute(ENDED, (int(time.time() * 1000),))


def _make_runs_own(store: Path, folder: str) -> None:
    if not store.exists():
        return
    with open_store(store) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"experiments", "runs"} <= tables:
            return
        _end_runs(database)  # the processes of a killed run have ended, as the state's lock is ours
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
    """Returns the folder whose paths the catalog had; raises unless it has those of this one in the end."""
    old, new = _folder_of_tables(state), f"file:{state}"
    if old in (None, new):
        return state
    changes = [
        f"UPDATE APP.{table} SET {column} = {_quoted(new)} || SUBSTR({column}, {len(old) + 1}) "
        f"WHERE SUBSTR({column}, 1, {len(old) + 1}) = {_quoted(old + '/')};"
        for table, column in PATHS_OF_TABLES
    ]
    said = ask_derby(state, "AUTOCOMMIT OFF;", *changes, "COMMIT;")
    if ERROR.search(said) or _folder_of_tables(state) != new:
        raise WorkspaceError(_not_own(state, said))
    return Path(old.removeprefix("file:"))


def _folder_of_tables(state: Path) -> str | None:
    """Where the catalog has its tables; None while it has no schema yet."""
    said = ask_derby(state, "SELECT DB_LOCATION_URI FROM APP.DBS WHERE NAME = 'default';")
    if found := re.search(r"^(file:.*?)/warehouse *$", said, re.MULTILINE):
        return found[1]
    if NO_SCHEMA.search(said):
        return None
    raise WorkspaceError(_not_own(state, said))


def _not_own(state: Path, said: str) -> str:
    *_, why = "Derby did not say why", *ERROR.findall(said)  # the first one says to see the next
    return (
        f"{state / 'metastore_db'} may have the paths of another folder, and they cannot be changed ({why}); "
        "move it back, or restore it from a copy"
    )


def ask_derby(state: Path, *statements: str) -> str:
    """What Derby's own tool prints, the errors of statements too; raises where it does not run to its end."""
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
    except subprocess.TimeoutExpired:
        raise WorkspaceError(
            f"{state / 'metastore_db'}: Derby did not answer within {SECONDS} s; "
            "end other programs, then run this again"
        ) from None
    finally:
        (state / "derby.log").unlink(missing_ok=True)
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        printed = (said + done.stderr.decode(errors="replace")).strip()
        why = cause(printed) or " ".join(printed.split("\n")[:2]) or f"it ended with {done.returncode}"
        raise WorkspaceError(f"Java did not read {state / 'metastore_db'}: {why}")
    return said


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
