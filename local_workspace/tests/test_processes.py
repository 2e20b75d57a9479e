"""Processes that others need: each is of its own workspace, and ends or is found with it; without Spark."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from local_workspace.workspace import environment, temporary
from terminal import Terminal

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
