"""What is locked is not damaged, and what a killed run leaves goes; without Spark."""

import multiprocessing
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from local_workspace.compute import spark_jars, spark_settings
from local_workspace.errors import WorkspaceError
from local_workspace.jobs import outcomes, task_kinds
from local_workspace.notebooks import log, process
from local_workspace.options import MOST, option
from local_workspace.own_tables import import_table, imported
from local_workspace.workspace import belonging, damage, environment, locked, memory, temporary
from local_workspace.workspace.guests import Guests
from local_workspace.workspace.started import Workspace
from terminal import Terminal

RUNS = """
    CREATE TABLE alembic_version (version_num);
    CREATE TABLE experiments (artifact_location);
    CREATE TABLE runs (status, end_time, artifact_uri);
    INSERT INTO runs VALUES ('RUNNING', NULL, ''), ('FINISHED', 5, '');
"""


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setattr(locked, "SECONDS", 0.5)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.executescript(RUNS)
        (release, *_) = releases()
        store.execute("INSERT INTO alembic_version VALUES (?)", (release,))
        store.commit()
    return tmp_path


def releases():
    """That of MLflow's store which none follows."""
    mlflow = Path(damage.find_spec("mlflow").origin).parent
    texts = {
        file: file.read_text() for file in (mlflow / "store/db_migrations/versions").glob("[0-9a-f]*.py")
    }
    names = [file.name.split("_")[0] for file in texts]
    return [name for name in names if not any(f'down_revision = "{name}"' in text for text in texts.values())]


def holding(code, *arguments):
    """A process that has locked something, once it has said so."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys, time\n{code}\nprint('locked', flush=True)\ntime.sleep(60)"]
        + [str(argument) for argument in arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    return process


LOCKS = {  # what is locked -> how
    "mlflow.db": "import sqlite3; s = sqlite3.connect(sys.argv[1]); s.execute('BEGIN EXCLUSIVE')",
    "mlflow.db by an edit that is not saved": (
        "import sqlite3; s = sqlite3.connect(sys.argv[1]); s.execute('DELETE FROM runs')"
    ),
    "mlflow.db by a query that is not read to its end": (
        "import sqlite3; q = sqlite3.connect(sys.argv[1]).execute('SELECT * FROM runs'); next(q)"
    ),
    "metastore_db/dbex.lck": "import fcntl; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX)",
}


@pytest.mark.parametrize("what", LOCKS)
def test_what_another_program_has_locked_is_not_called_damaged(state, capsys, what):
    for name in ("service.properties", "log/log.ctrl", "seg0/c", "dbex.lck"):
        (state / "metastore_db" / name).parent.mkdir(parents=True, exist_ok=True)
        (state / "metastore_db" / name).touch()
    file = state / what.split()[0]
    other = holding(LOCKS[what], file)
    try:
        with pytest.raises(WorkspaceError) as refused:
            damage.check(state)
        who = rf"\S+ \(process {other.pid}\)"
        sentence = rf"{file} is locked by {who}, and nothing is wrong with it; end that, then run this again"
        assert re.fullmatch(sentence, str(refused.value))
        assert "this waits for it" in capsys.readouterr().err
    finally:
        other.kill()
        other.wait()
    damage.check(state)
    assert (state / "mlflow.db").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody says who has locked a file")
def test_only_a_program_that_has_locked_the_file_and_is_none_of_ours_is_named(state):
    """Not what has it open alone, as each task has."""
    file = state / "mlflow.db"
    opened = holding("f = open(sys.argv[1])", file)
    locking = holding(LOCKS["mlflow.db"], file)
    try:
        assert locked.who_has(file) == f"python (process {locking.pid})"
        assert locked.who_has(file, [locking.pid]) == "another program, such as a database viewer"
    finally:
        for process in (opened, locking):
            process.kill()
            process.wait()


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


FAULTS_OF_THE_SERVER = """
import os, signal, sys, time
from pathlib import Path
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import environment, processes
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with environment.private(environment.make_environment(folder, folder, folder, 1, "token", [])):
        started = processes.Processes(folder / "log")
    process = started.start(time.sleep, 600)
    os.kill(started._server, signal.SIGSTOP)
    started.end(process)
    print(process.exitcode)
    os.kill(started._server, signal.SIGKILL)
    time.sleep(1)
    try:
        started.start(time.sleep, 600)
    except WorkspaceError as error:
        print(error)
"""


def test_the_process_that_forks_others_may_be_stopped_or_die(tmp_path):
    (tmp_path / "faults.py").write_text(FAULTS_OF_THE_SERVER)
    command = [sys.executable, tmp_path / "faults.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    said = r"-9\nThe process that tasks are forked from ended by itself; the reason stands in \S+/log\n"
    assert re.fullmatch(said, done.stdout)


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


LOCK = "other = sqlite3.connect(preload.folder / 'mlflow.db'); other.execute('BEGIN EXCLUSIVE')"
LOCKED_BY_NOBODY_ELSE = (
    r"409 .*mlflow\.db is locked by another program, such as a database viewer, and nothing is wrong with.*"
)
IN_A_TASK = {  # what is wrong with the store -> how, and the sentence
    "locked by itself": (LOCK, LOCKED_BY_NOBODY_ELSE),
    "locked by another task": (
        f"if not os.fork(): {LOCK}; os.closerange(1, 3); time.sleep(15); os._exit(0)\ntime.sleep(3)",
        LOCKED_BY_NOBODY_ELSE,
    ),
    "on a full disk": (
        "pragma = 'max_page_count = 1'",
        r"409 \S+: its disk is full; make room there, .*",
    ),
}


@pytest.mark.parametrize("what", IN_A_TASK)
def test_a_fault_of_the_store_in_a_task_is_one_sentence(tmp_path, what):
    how, sentence = IN_A_TASK[what]
    given = environment.make_environment(tmp_path, tmp_path, tmp_path, 1, "token", [])
    code = f"""
import os, sqlite3, time
from local_workspace.workspace import preload
pragma = "busy_timeout = 10"
{how}
with preload.store.engine.connect() as connection:
    connection.exec_driver_sql(f"PRAGMA {{pragma}}")
    try:
        connection.exec_driver_sql("CREATE TABLE more AS SELECT zeroblob(1000000)")
    except Exception as error:
        print(error.get_http_status_code(), error)
"""
    given |= {"PYTHONPATH": environment.SOURCE}
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True)
    (said,) = done.stdout.splitlines()
    assert re.fullmatch(sentence, said)


def test_a_store_that_is_locked_while_the_libraries_load_is_waited_for(tmp_path):
    """For longer than the 5 s that SQLite waits unasked."""
    code = """
import subprocess, sys
from mlflow.tracking._tracking_service import utils
lock = "import sqlite3, time; s = sqlite3.connect('mlflow.db'); s.execute('BEGIN EXCLUSIVE')"
get_store = utils._get_store
def get_locked_store():
    program = [sys.executable, "-c", f"{lock}; print(flush=True); time.sleep(8)"]
    other = subprocess.Popen(program, stdout=subprocess.PIPE)
    other.stdout.readline()
    return get_store()
utils._get_store = get_locked_store
from local_workspace.workspace import preload
print(preload.store.get_experiment("0").name)
"""
    given = environment.make_environment(tmp_path, tmp_path, tmp_path, 1, "token", [])
    given |= {"PYTHONPATH": environment.SOURCE}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=given, capture_output=True, text=True
    )
    assert done.stdout == "Default\n", done.stderr


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


def test_a_file_that_goes_while_a_task_begins_has_no_size(tmp_path):
    table = tmp_path / "warehouse/gold.db/sales"
    table.mkdir(parents=True)
    (table / "part.parquet").symlink_to("gone")  # as one that was listed, and then removed
    assert not spark_settings.has_large_table(tmp_path)


def test_a_jar_that_was_fetched_by_half_is_fetched_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(spark_jars.pwd, "getpwuid", lambda user: SimpleNamespace(pw_dir=str(tmp_path)))
    whole, half = make_jars(tmp_path)
    assert spark_jars.class_path()[-2:] == [whole, half]
    half.write_bytes(whole.read_bytes()[:50])
    assert spark_jars.class_path() == []
    monkeypatch.setattr(spark_jars, "FETCH_SECONDS", 0)
    with pytest.raises(WorkspaceError, match="cannot fetch"):
        spark_jars.fetch(tmp_path / "log", {})
    assert whole.exists() and not half.exists()


def make_jars(home):
    """Two jars where Ivy puts them."""
    release = version("delta-spark")
    (home / ".ivy2/jars").mkdir(parents=True)
    names = (f"io.delta_delta-spark_2.13-{release}.jar", f"io.delta_delta-storage-{release}.jar")
    for name in names:
        with zipfile.ZipFile(home / ".ivy2/jars" / name, "w") as jar:
            jar.writestr("a", "a" * 100)
    return [home / ".ivy2/jars" / name for name in names]


def test_workspaces_one_after_the_other_fork_their_tasks_each_from_its_own(tmp_path):
    """In one process: the second has another environment. Python's own folder may go meanwhile."""
    code = f"""
import os, shutil
from multiprocessing import util
from pathlib import Path
from local_workspace.errors import WorkspaceError
from local_workspace.workspace.processes import Processes
from local_workspace.workspace.temporary import own_folder
found = []
for _ in range(2):
    with own_folder():
        processes = Processes(Path({str(tmp_path / "log")!r}))
        found.append(processes._server)
        processes.check()
        shutil.rmtree(util.get_temp_dir())
        try:
            processes.check()
        except WorkspaceError as error:
            assert "was removed while the workspace ran; start it anew" in str(error)
            processes.stop()
print(found[0] != found[1])
"""
    given = environment.make_environment(tmp_path, tmp_path, tmp_path, 1, "token", [])
    given |= {"PYTHONPATH": environment.SOURCE}
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_shell_ends_once_its_workspace_has(tmp_path):
    code = f"""
from pathlib import Path
from local_workspace.commands import shell
from local_workspace.compute import spark_sessions
from local_workspace.workspace import damage
spark_sessions.start_task_session = lambda *_: None
state = Path({str(tmp_path)!r})
lock, known = open(state / "lock", "w"), damage.identify(state)
shell.talk(state, "", {{}}, lambda: damage.check_there(state, lock, known))
"""
    variables = environment.make_environment(tmp_path, tmp_path, tmp_path, 1, "token", [])
    variables |= {"TERM": "xterm", "PYTHONPATH": environment.SOURCE}
    with Terminal([sys.executable, "-c", code], variables, tmp_path) as shell:
        shell.wait_for("In [1]")
        shell.paste("1 + 1")
        shell.wait_for("In [2]")
        (tmp_path / "mlflow.db").unlink()
        shell.paste("1 + 1")
        shell.wait_for("was removed while the workspace ran; start it anew")


def test_a_command_keeps_its_sockets_though_another_removes_its_folder_as_it_ends(tmp_path, monkeypatch):
    sockets = tmp_path / "pymp-ours"
    sockets.mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(temporary.util, "get_temp_dir", lambda: str(sockets))
    monkeypatch.setattr(tempfile.TemporaryDirectory, "cleanup", lambda _: temporary.remove_left_behind())

    with temporary.own_folder() as folder:
        pass

    assert not folder.exists()
    assert sockets.exists()


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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere an orphan's parent is lost")
def test_a_child_in_a_session_of_its_own_is_found():
    """By start_new_session, and by a double fork."""
    code = """
import os, subprocess
from local_workspace.workspace import descendants
descendants.adopt()
one = subprocess.Popen(["sleep", "600"], start_new_session=True)
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write, str(os.getpid()).encode())
        os.execvp("sleep", ["sleep", "600"])
    os._exit(0)
print(one.pid, os.read(read, 20).decode(), flush=True)
os.wait()
descendants.kill(os.getpid())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2, done.stderr
    states = [Path(f"/proc/{pid}/stat") for pid in pids]
    assert all(not file.exists() or ") Z" in file.read_text() for file in states)


@pytest.mark.parametrize("was_short", [True, False])
def test_memory_is_named_only_where_it_was_short(was_short):
    process = SimpleNamespace(join=lambda: None, exitcode=-signal.SIGKILL)
    said = outcomes._death(process, 300, was_short)
    assert ("memory runs out" in said) == was_short
    assert said.startswith("its process was ended by SIGKILL") and "It had 300 MB" in said


def test_a_machine_tells_when_its_memory_is_short_and_whom_it_ended_for_that(tmp_path, monkeypatch):
    left = dict.fromkeys(["/proc/meminfo", *memory.COUNTERS], [])
    monkeypatch.setattr(memory, "_lines", lambda file: left[file])
    assert not memory.is_short() and memory.killed_for_memory() == 0  # where the system does not say
    for available, short in ((600, False), (400, True)):
        left["/proc/meminfo"] = ["MemTotal: 10000 kB", "MemFree: 1 kB", f"MemAvailable: {available} kB"]
        assert memory.is_short() == short
    left["/proc/vmstat"] = ["nr_free_pages 7", "oom_kill 2"]
    left["/sys/fs/cgroup/memory.events"] = ["oom 9", "oom_kill 1", "oom_group_kill 4"]
    assert memory.killed_for_memory() == 3


def test_a_tasks_log_is_cut_while_the_task_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "MOST", 3000)
    monkeypatch.setattr(log, "KEPT", 1000)
    file = tmp_path / "task.log"
    file.write_text("x" * 5000)
    running = task_kinds.Notebook.__new__(task_kinds.Notebook)
    running.log, running._memory, running._was_short = file, 0, False
    running._started = SimpleNamespace(
        process=SimpleNamespace(pid=0), result=SimpleNamespace(poll=lambda: False)
    )
    assert running.poll() is None
    assert "MB were cut out" in file.read_text()


def test_a_limit_of_memory_that_no_machine_has_is_refused_and_one_above_the_users_is_lowered(
    tmp_path, monkeypatch
):
    text = "[tool.local_workspace]\ntask_memory_mb = {}\n"
    (tmp_path / "pyproject.toml").write_text(text.format(1 << 60))
    with pytest.raises(WorkspaceError, match=r"task_memory_mb .* is 1152921504606846976; make it from 0 to "):
        option(tmp_path, "task_memory_mb", 0)
    set_to = []
    monkeypatch.setattr(process.resource, "setrlimit", lambda kind, limits: set_to.append(limits))
    for hard, limit in ((resource.RLIM_INFINITY, None), (1000, 1000)):
        monkeypatch.setattr(process.resource, "getrlimit", lambda kind, hard=hard: (hard, hard))
        process._limit_memory(MOST)
        assert set_to[-1][0] == set_to[-1][1] < 1 << 63
        assert limit in (None, set_to[-1][0])


def test_a_log_without_end_is_cut_in_the_middle_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "MOST", 3000)
    monkeypatch.setattr(log, "KEPT", 1000)
    path = tmp_path / "a.log"
    with open(log.begin(path), "w") as task:
        for round_ in range(3):
            task.writelines(f"{round_} {line}\n" for line in range(1000))
            task.flush()
            log.shorten(path)
            text = path.read_text()
            assert len(text) < 2200
            assert text.startswith("0 0\n0 1\n") and text.endswith(f"\n{round_} 999\n")
            assert "MB were cut out" in text
    (tmp_path / "small").write_text("as it is")
    log.shorten(tmp_path / "small")
    assert (tmp_path / "small").read_text() == "as it is"


@pytest.mark.parametrize(
    "arguments",
    [f"up --idle={text}" for text in ("nan", "-1", "0", "1e400", "x", "inf")]
    + [f"sample sales --rows={text}" for text in ("0", "-5", "1.5", "nan", "99999999999999")],
)
def test_a_number_out_of_range_is_refused_with_a_sentence(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "local_workspace", *arguments.split()], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert re.search(
        r"argument --(idle|rows): '.*' is not a (whole )?number from .* to .*; give one", done.stderr
    )
