"""A store or catalog that another program has locked is waited for, and not called damaged; without Spark."""

import re
import subprocess
import sys

import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import damage, environment, locked
from mlflow_state import holding

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
