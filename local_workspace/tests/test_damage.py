"""What is damaged, full, removed or dead is named, and nothing else is; without Spark."""

import re
import shutil
from types import SimpleNamespace

import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import damage
from local_workspace.workspace.started import Workspace

DERBY = "ERROR XJ040: Failed to start database 'metastore_db', see the next exception for details.\n"
SAID = {  # by Derby -> the sentence
    "ERROR XSDB6: Another instance of Derby may have already booted the database": r"is locked by .*nothing",
    "java.io.IOException: seg0/c.dat (Permission denied)": r"cannot be opened \(Permission denied\)",
    "java.io.IOException: No space left on device": r"cannot be opened \(No space left on device\)",
    "ERROR XSDG2: Invalid checksum on Page 1.": r"is damaged; restore it",
    "ERROR XSLA3: Log Corrupted, has invalid data in the log stream.": r"is damaged; restore it",
    "ERROR XSLA6: Cannot recover the database.": r"is damaged; restore it",
    "ERROR XJ001: Java exception: ': java.io.EOFException'.": r"is damaged; restore it",  # a log that was cut
    "ERROR XSDG0: Page 1 could not be read from disk.\njava.io.IOException: Input/output error": (
        r"cannot be opened \(Input/output error\)"
    ),
    "ERROR XSLA4: Error encountered.\nCaused by: java.io.IOException: Disk quota exceeded": (
        r"cannot be opened \(Disk quota exceeded\)"
    ),
    "java.lang.OutOfMemoryError: Java heap space": r"cannot be opened \(OutOfMemoryError\)",
    "Caused by: ERROR XSLAN: Database at /a has an incompatible format.\n\tat b": (
        r"cannot be opened \(ERROR XSLAN: Database at /a has an incompatible format\.\); remove nothing, and"
    ),
    "Something else": r"cannot be opened; remove nothing, and correct what .*derby\.log names",
}


@pytest.mark.parametrize("said", SAID)
def test_only_a_damaged_catalog_is_called_damaged(tmp_path, said):
    (tmp_path / "derby.log").write_text(DERBY + said)
    with pytest.raises(WorkspaceError, match=SAID[said]) as refused:
        damage.check_catalog_started(tmp_path)
    assert ("remove it" in str(refused.value)) == ("is damaged" in str(refused.value))


@pytest.mark.parametrize("name", ["lock", "mlflow.db", "metastore_db/service.properties", "warehouse"])
def test_a_state_that_was_removed_meanwhile_is_noticed(state, name):
    named = state if name == "lock" else state / name
    with open(state / "lock", "w") as lock:
        known = damage.check_there(state, lock, damage.identify(state))
        (state / "warehouse").mkdir()
        (state / "metastore_db").mkdir()
        (state / "metastore_db/service.properties").touch()
        known = damage.check_there(state, lock, known)
        (state / name).rename(state / "kept")  # or a new file might get the old one's number
        for make_another in (lambda: None, (state / name).touch):
            make_another()
            with pytest.raises(WorkspaceError, match=f"^{named}: this was removed while the workspace ran"):
                damage.check_there(state, lock, known)


def test_a_store_that_is_removed_while_spark_starts_is_noticed(tmp_path, monkeypatch):
    store = tmp_path / ".local_workspace/mlflow.db"

    def start(*_):
        store.rename(tmp_path / "kept")
        store.touch()  # as the services make one where there is none

    monkeypatch.setattr(damage, "check", lambda state: store.touch())
    monkeypatch.setattr(Workspace, "_start", start)
    with Workspace(tmp_path) as workspace, pytest.raises(WorkspaceError, match=f"^{store}: this was removed"):
        workspace.check()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """One whose processes are only pretended; all of it is as it must be."""
    monkeypatch.setattr(damage, "check_there", lambda *_: None)
    made = Workspace(tmp_path)
    made.folder, made._lock, made._known = tmp_path / "temporary", None, {}
    for folder in (made.folder, made.logs):
        folder.mkdir(parents=True)
    made._processes = SimpleNamespace(check=lambda: None)
    made._spark = SimpleNamespace(alive=lambda: True)
    made._services, made._workers = (SimpleNamespace(is_alive=lambda: True) for _ in range(2))
    made.check()
    return made


@pytest.mark.parametrize("what", ["logs", "folder"])
def test_a_folder_that_was_removed_meanwhile_is_noticed(workspace, what):
    folder = getattr(workspace, what)
    folder.rmdir()
    with pytest.raises(WorkspaceError, match=f"{folder}: this was removed while the workspace ran"):
        workspace.check()


@pytest.mark.parametrize("what", ["state", "folder"])
def test_a_full_disk_is_noticed_also_that_of_temporary_files(workspace, monkeypatch, what):
    full = getattr(workspace, what)

    def usage(path):
        return SimpleNamespace(free=(5 if path == full else 500) << 20)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(WorkspaceError, match=f"{full}: its disk has 5 MB left; make room, at least 20 MB"):
        workspace.check()


@pytest.mark.parametrize("what", ["services", "workers"])
def test_a_process_that_others_need_and_that_has_died_is_named(workspace, what):
    getattr(workspace, f"_{what}").is_alive = lambda: False
    with pytest.raises(WorkspaceError, match=rf"{what} ended by themselves; the reason stands in \S+\.log"):
        workspace.check()


@pytest.mark.parametrize("what", ["spark", "services", "workers"])
def test_why_a_process_has_died_is_said_where_the_end_of_its_log_tells_it(workspace, what):
    log = workspace.logs / ("spark.log" if what == "spark" else "services.log")
    setattr(workspace, f"_{what}", SimpleNamespace(alive=lambda: False, is_alive=lambda: False))
    full = "OSError: [Errno 24] Too many open files\n"
    log.write_text(full)
    with pytest.raises(
        WorkspaceError, match=rf"ended by .*: too many files are open; .* its words are in {log}$"
    ):
        workspace.check()
    log.write_text(full + "What came long after it.\n" * 1000)
    with pytest.raises(WorkspaceError, match=rf"ended by \w+; the reason stands in {log}$"):
        workspace.check()


ONE, OTHER = (f"{digit * 8}-3f3c-4bc1-b761-cbefabafe948" for digit in "12")
LEFT = {  # of a table in warehouse/ -> whether it is surely a Delta table without its log
    ("sales.db/a/part-00000-{ONE}-c000.snappy.parquet",): True,
    ("a/part-00000-{ONE}-c000.snappy.parquet",): True,  # of schema default
    (
        "sales.db/a/n=1/part-00000-{ONE}.c000.snappy.parquet",
        "sales.db/a/n=2/part-00000-{OTHER}.c000.gz.parquet",
    ): True,
    ("sales.db/a/part-00000-{ONE}-c000.snappy.parquet", "sales.db/a/_delta_log/0.json"): False,
    # CREATE TABLE ... USING parquet, and one that was killed meanwhile
    ("sales.db/a/part-00000-{ONE}-c000.snappy.parquet", "sales.db/a/_SUCCESS"): False,
    ("sales.db/a/part-00000-{ONE}-c000.snappy.parquet", "sales.db/a/_temporary/0"): False,
    (
        "sales.db/a/n=1/part-00000-{ONE}.c000.snappy.parquet",
        "sales.db/a/n=2/part-00000-{ONE}.c000.gz.parquet",
    ): False,
    ("sales.db/a/n=1/part-00000-{ONE}.c000.snappy.parquet",): False,
    ("sales.db/a/mine.parquet",): False,
    ("sales.db/a/notes.txt",): False,
}


@pytest.mark.parametrize("left", LEFT)
def test_only_a_delta_table_is_said_to_have_lost_its_log(tmp_path, left):
    for name in left:
        file = tmp_path / "warehouse" / name.format(ONE=ONE, OTHER=OTHER)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    said = damage.unreadable_tables(tmp_path)
    assert len(said) == LEFT[left]
    assert all(
        re.fullmatch(r".*/a seems .* restore the folder, or drop the table by .*sql`", one) for one in said
    )


@pytest.mark.parametrize("named", ["seg0/c1.dat", "log/log1.dat", ""])
def test_tables_whose_files_are_gone_are_said(tmp_path, named):
    """And nothing of a first run that was killed before it made a table."""
    for name in ("seg0/c1.dat", "log/log1.dat"):
        (tmp_path / "metastore_db" / name).parent.mkdir(parents=True, exist_ok=True)
        text = "file:/a/warehouse/dev.db" if name == named else "file:/a/warehouse"
        (tmp_path / "metastore_db" / name).write_bytes(b"\0" + text.encode() + b"\0")
    said = damage.unreadable_tables(tmp_path)
    assert len(said) == bool(named)
    assert all(
        re.fullmatch(r".*/warehouse is gone, .*; restore it from a copy, or drop .*", one) for one in said
    )
