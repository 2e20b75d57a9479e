"""Finds state that cannot be read, says what repairs it, and removes what a killed run left half made."""

import os
import re
import shutil
import sqlite3
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from local_workspace.errors import WorkspaceError
from local_workspace.workspace import locked

FREE_MB = 20  # with less, what writes fails in ways that do not say why
NO_CATALOG = (
    "restore it from a copy, or remove it and move warehouse/ away to begin without tables; models stay"
)
NO_STORE = (
    "restore it from a copy, or remove it and move models/ away to begin without runs and models; tables stay"
)
# What a catalog that is whole can meet too: nothing is to be removed then.
NO_DAMAGE = re.compile(
    r"Permission denied|Read-only file system|No space left on device|Too many open files|"
    r"Disk quota exceeded|Input/output error|No locks available|OutOfMemoryError"
)
# What Derby says of pages, and of a log, that it can read and not understand, or that lack a part:
# https://db.apache.org/derby/docs/10.16/ref/rrefexcept71493.html
DERBYS_DAMAGE = re.compile(r"ERROR (XSDB[0-59AB]|XSDG[024]|XSLA[135678BDO])\b|[Cc]hecksum|EOFException")
DERBYS_LINES = re.compile(r"^(?:Caused by: )?((?:ERROR \w+|java\.\S+): .*)", re.MULTILINE)
WATCHED = ("mlflow.db", "metastore_db/service.properties", "warehouse")  # while a workspace runs

Known = dict[str, os.stat_result]  # what tells a file from another in its place, by its name
SPARKS_FILE = re.compile(r"part-\d{5}-([0-9a-f-]{36})[-.]c\d{3}\.\w+\.parquet")
WHOLE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM")


def check(state: Path) -> None:
    """Raises where MLflow's store or the catalog cannot be read, or nothing can be written."""
    check_room(state)
    _check_store(state / "mlflow.db", state / "models")
    _check_catalog(state / "metastore_db", state / "warehouse")
    (state / "derby.log").unlink(missing_ok=True)  # of the last run


def identify(state: Path) -> Known:
    """What is there of what is watched."""
    return {name: (state / name).stat() for name in WATCHED if (state / name).exists()}


def check_there(state: Path, lock: TextIO, known: Known) -> Known:
    """Raises where the state or a part was removed while this runs, or another is in its place.

    `known` is what this gave the last time, or `identify` before the services began, which make the store.
    """
    if not _is(os.fstat(lock.fileno()), state / "lock"):
        raise WorkspaceError(removed(state))
    found = identify(state)
    for name in ("mlflow.db", *known):
        if name not in found or not os.path.samestat(known.get(name, found[name]), found[name]):
            raise WorkspaceError(removed(state / name))
    return found


def _is(known: os.stat_result, file: Path) -> bool:
    try:
        return os.path.samestat(known, os.stat(file))
    except OSError:
        return False


def removed(path: Path | str) -> str:
    return f"{path}: this was removed while the workspace ran; start it anew"


def check_room(state: Path) -> None:
    """Raises where the disk is full."""
    free = shutil.disk_usage(state).free >> 20
    if free < FREE_MB:
        raise WorkspaceError(f"{state}: its disk has {free} MB left; make room, at least {FREE_MB} MB")


def check_catalog_started(state: Path) -> None:
    """Raises where Derby, which keeps the catalog, has said that it cannot read it."""
    log = state / "derby.log"
    said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if "Failed to start database" not in said:
        return
    catalog = state / "metastore_db"
    if "Another instance of Derby" in said:
        raise WorkspaceError(locked.locked(catalog / "dbex.lck"))
    if why := NO_DAMAGE.search(said):
        raise WorkspaceError(f"{catalog} cannot be opened ({why[0]}); correct that, then run this again")
    if DERBYS_DAMAGE.search(said):
        raise WorkspaceError(f"{catalog} is damaged; {NO_CATALOG}")
    lines = [line for line in DERBYS_LINES.findall(said) if "Failed to start" not in line]
    words = f" ({lines[-1][:300]})" if lines else ""
    raise WorkspaceError(f"{catalog} cannot be opened{words}; remove nothing, and correct what {log} names")


def unreadable_tables(state: Path) -> list[str]:
    """A sentence for each table that Delta cannot read, as its log is gone, and for files that are gone."""
    warehouse, catalog = state / "warehouse", state / "metastore_db"
    schemas = warehouse.glob("*.db")  # and `default`, whose tables lie in warehouse/ itself
    tables = [
        table for folder in (warehouse, *schemas) for table in folder.glob("*") if table.suffix != ".db"
    ]
    said = [
        f"{table} seems to be a Delta table that has lost its _delta_log, without which nothing can read it; "
        "restore the folder, or drop the table by `local-workspace sql`"
        for table in sorted(tables)
        if _lost_its_log(table)
    ]
    if not warehouse.exists() and _names_tables(catalog):
        said.append(
            f"{warehouse} is gone, so tables that {catalog} names have no files; restore it from a copy, or "
            "drop them by `local-workspace sql`"
        )
    return said


def _lost_its_log(table: Path) -> bool:
    """Whether its files are surely Delta's, whose names differ from those of a table of plain Parquet files.

    There a whole write, which gives all of its files one UUID, leaves _SUCCESS, and a killed one leaves
    _temporary. Only one that replaces single partitions leaves neither.
    """
    if any((table / name).exists() for name in ("_delta_log", "_SUCCESS", "_temporary")):
        return False
    files = [file for file in table.rglob("*.parquet") if not file.name.startswith(".")]
    ids = [match[1] for file in files if (match := SPARKS_FILE.fullmatch(file.name))]
    are_in_partitions = any(file.parent != table for file in files)
    return len(set(ids)) == len(files) > (1 if are_in_partitions else 0)


def _names_tables(catalog: Path) -> bool:
    """Whether Derby's files have the path of a table's or schema's folder."""
    files = [*catalog.glob("seg0/*.dat"), *catalog.glob("log/*.dat")]
    return any(b"/warehouse/" in file.read_bytes() for file in files)


def _check_store(file: Path, models: Path) -> None:
    if file.exists():
        _check_store_that_is_there(file, models)
    if not file.exists() and _has_entries(models):
        raise WorkspaceError(
            f"{file} is gone, so the versions in {models} have no names, and new ones would replace their "
            f"files; restore it from a copy, or move {models} away to begin without runs and models"
        )


def _check_store_that_is_there(file: Path, models: Path) -> None:
    try:
        with locked.open_store(file) as store:
            (found,) = store.execute("PRAGMA quick_check(1)").fetchone()
            has_release = store.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
            releases = store.execute("SELECT * FROM alembic_version") if has_release.fetchone() else ()
            release = next((release for (release,) in releases), None)
            is_empty = not any(_has_rows(store, table) for table in ("runs", "model_versions"))
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname.startswith(WHOLE) and file.is_file():
            problem = f"{file} cannot be opened ({error}); make it readable and writable, and its disk too"
            raise WorkspaceError(problem) from None
        found = error
    if found != "ok":
        raise WorkspaceError(f"{file} is damaged ({found}); {NO_STORE}")
    if not release:  # which MLflow writes last, and works with no store that lacks it
        if not is_empty or _has_entries(models):
            raise WorkspaceError(f"{file} lacks alembic_version, so MLflow cannot use it; {NO_STORE}")
        file.unlink()
        return
    mlflow = find_spec("mlflow")
    assert mlflow is not None and mlflow.origin is not None  # this depends on it
    scripts = Path(mlflow.origin).parent / "store/db_migrations/versions"
    if not any(scripts.glob(f"{release}_*.py")):
        raise WorkspaceError(f"{file} is of a newer MLflow; install that one, or {NO_STORE}")
    texts = "".join(script.read_text() for script in scripts.glob("*.py"))
    if release in re.findall(r'^down_revision = "(\w+)"', texts, re.MULTILINE):
        upgrade = f"uv run mlflow db upgrade sqlite:///{file}"
        raise WorkspaceError(f"{file} is of an older MLflow; copy it, then run: {upgrade}")


def _has_rows(store: sqlite3.Connection, table: str) -> bool:
    there = store.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return there is not None and store.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None


def _has_entries(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


def _check_catalog(catalog: Path, tables: Path) -> None:
    has_tables = _has_entries(tables)
    if has_tables and not catalog.exists():
        raise WorkspaceError(
            f"{catalog} is gone, so the tables in {tables} have no names; restore it from a copy, or move "
            f"{tables} away to begin without tables"
        )
    lost = [name for name in ("service.properties", "log/log.ctrl", "seg0") if not (catalog / name).exists()]
    if lost and has_tables:
        raise WorkspaceError(f"{catalog} lacks {', '.join(lost)}; {NO_CATALOG}")
    if lost and catalog.exists():
        shutil.rmtree(catalog)
    locked.wait_for_catalog(catalog)
