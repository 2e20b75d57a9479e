"""What a killed run leaves goes with the next, and nothing that is another's; without Spark."""

import multiprocessing
import sqlite3
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from types import SimpleNamespace

import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.own_tables import import_table, imported
from local_workspace.workspace import belonging, temporary
from local_workspace.workspace.guests import Guests
from mlflow_state import holding


def test_runs_of_a_killed_run_end_as_killed(state):
    belonging.make_own(state, state)
    with closing(sqlite3.connect(state / "mlflow.db")) as store:
        (killed, finished) = store.execute("SELECT status, end_time FROM runs").fetchall()
    assert killed[0] == "KILLED" and time.time() - killed[1] / 1000 < 60
    assert finished == ("FINISHED", 5)


@pytest.mark.parametrize("code", [0, -9])
def test_runs_of_a_killed_task_of_up_end_once_none_runs(state, code):
    """Those of a task that goes on, and of one that has ended by itself, are nobody's to end."""

    def task(function):
        process = SimpleNamespace(pid=1, exitcode=None)
        process.join = lambda: setattr(process, "exitcode", function)
        ours, theirs = multiprocessing.Pipe()
        return SimpleNamespace(process=process, result=ours, kept_open=theirs)

    def statuses():
        with closing(sqlite3.connect(state / "mlflow.db")) as store:
            return [status for (status,) in store.execute("SELECT status FROM runs")]

    workspace = SimpleNamespace(state=state, start=task, end=lambda task: task.process.join())
    guests = Guests(workspace, 1)
    commands = [multiprocessing.Pipe() for _ in range(2)]
    threads = [
        threading.Thread(target=guests._run_task, args=(ours, exit_code, ()))
        for (ours, _), exit_code in zip(commands, (code, 0), strict=True)
    ]
    for thread, (_, theirs) in zip(threads, commands, strict=True):
        thread.start()
        theirs.recv()
    for thread, (_, theirs), expected in zip(threads, commands, ("RUNNING", "KILLED"), strict=True):
        theirs.close()
        thread.join()
        assert statuses() == [expected if code else "RUNNING", "FINISHED"]


def test_the_folder_of_a_killed_run_goes_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    code = "from local_workspace.workspace.temporary import own_folder\nf = own_folder(); f.__enter__()"
    living, killed = holding(code), holding(code)
    folders = set(tmp_path.iterdir())
    killed.kill()
    killed.wait()
    (tmp_path / "local_workspace-of_somebody").mkdir(mode=0o700)
    try:
        temporary.remove_left_behind()
        left = set(tmp_path.iterdir())
        assert len(folders) == 4  # two of ours, two with Python's sockets
        assert len(left & folders) == 2
        assert (tmp_path / "local_workspace-of_somebody").exists()
    finally:
        living.kill()
        living.wait()


@pytest.mark.parametrize("has_written", [True, False])
def test_a_table_whose_import_is_stopped_is_asked_for_by_reset(tmp_path, monkeypatch, has_written):
    table, state = tmp_path / "warehouse/gold.db/sales", tmp_path / ".local_workspace"
    domain = SimpleNamespace(gold_table="gold.sales", folder=lambda state: table)
    files = SimpleNamespace(paths=[tmp_path / "sales.csv"])

    @contextmanager
    def opened(root):
        yield SimpleNamespace(state=state)

    def stop(*_):
        if has_written:
            table.mkdir(parents=True)
        raise KeyboardInterrupt

    known = {"Bundle": None, "find_domain": domain, "refuse_existing": None, "find_files": files}
    for name, value in (known | {"prepare": None}).items():
        monkeypatch.setattr(import_table, name, lambda *_, value=value: value)
    monkeypatch.setattr(import_table, "open_workspace", opened)
    monkeypatch.setattr(import_table, "_import", stop)
    state.mkdir()
    with pytest.raises(KeyboardInterrupt):
        import_table.import_table(tmp_path, "sales", [], replace=False)
    assert list(imported.recall(state)) == ["gold.sales"] * has_written


def test_the_data_of_an_import_is_where_a_later_run_removes_it_after_a_kill(tmp_path, monkeypatch):
    folders = []

    def prepare(files, folder):
        assert folder.name.startswith(temporary.PREFIX) and (folder / temporary.OWNER).exists()
        folders.append(folder)
        raise WorkspaceError("no table")

    for name in ("Bundle", "find_domain", "refuse_existing", "find_files"):
        monkeypatch.setattr(import_table, name, lambda *_: None)
    monkeypatch.setattr(import_table, "prepare", prepare)
    with pytest.raises(WorkspaceError, match="no table"):
        import_table.import_table(tmp_path, "sales", [], replace=False)
    assert not folders[0].exists()
