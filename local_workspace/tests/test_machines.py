"""Odd machines: the user's files and variables do not reach in, and what cannot work is one sentence."""

import os
import pwd
import resource
import subprocess
import sys
import tempfile
from types import SimpleNamespace

import pytest
from local_workspace.compute import causes
from local_workspace.compute.java import require_java
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import environment, machine
from local_workspace.workspace.opening import start_workspace
from local_workspace.workspace.started import Workspace
from local_workspace.workspace.temporary import own_folder
from rendered import copy_rendered

MB = 1 << 20


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONSAFEPATH", "PYTHONWARNINGS", "PYTHONOPTIMIZE"])
def test_variables_of_python_do_not_reach_in(tmp_path, monkeypatch, name):
    """Among them another version of a package, and warnings as errors."""
    (tmp_path / "yaml.py").write_text("raise ImportError('not this one')")
    value = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{environment.SOURCE}", "PYTHONWARNINGS": "error"}
    given = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    given |= {"PYTHONPATH": environment.SOURCE, name: value.get(name, "1")}
    done = subprocess.run(
        [sys.executable, "-m", "local_workspace", "check"],
        cwd=copy_rendered(tmp_path / "bundle"),
        env=given,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("All 49 rules are kept.\n", "")

    begun = []
    monkeypatch.setattr(os, "environ", given)
    monkeypatch.setattr(os, "execve", lambda *arguments: begun.append(arguments))
    environment.leave_python_variables()
    ((program, command, variables),) = begun
    assert (program, command[:3]) == (sys.executable, [sys.executable, "-m", "local_workspace"])
    assert {key for key in variables if key.startswith("PYTHON")} == {"PYTHONPATH"}
    assert variables["PYTHONPATH"] == environment.SOURCE


FILES = {  # of the user -> its text; a program that would see it; what that prints without it
    ".netrc": (
        "machine 127.0.0.1 login me password secret\ndefault login me password secret\n",
        "from requests.utils import get_netrc_auth; print(get_netrc_auth('http://127.0.0.1:1'))",
        "None",
    ),
    ".config/matplotlib/matplotlibrc": (
        "text.usetex: True\n",
        "import matplotlib; print(matplotlib.rcParams['text.usetex'])",
        "False",
    ),
}


@pytest.mark.parametrize("file", FILES)
def test_files_of_the_user_do_not_reach_in(tmp_path, monkeypatch, file):
    text, program, prints = FILES[file]
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path))
    variables = environment.make_environment(tmp_path, tmp_path, tmp_path, 1, "token", [])
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True)
    assert done.stdout.strip() == prints


def test_java_can_open_any_path_in_any_locale(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    variables = environment.make_environment(tmp_path, tmp_path, tmp_path, 1, "token", [])
    shown = subprocess.run(
        ["java", "-XshowSettings:properties", "-version"], env=variables, capture_output=True, text=True
    )
    assert "sun.jnu.encoding = UTF-8" in shown.stderr


@pytest.mark.parametrize("name", ["JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"])
def test_options_that_do_not_reach_spark_do_not_make_java_missing(monkeypatch, name):
    monkeypatch.setenv(name, "-XX:+NoSuchOption")
    assert "version" in require_java()


def test_options_with_which_java_does_not_start_are_named(monkeypatch):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:+NoSuchOption")
    with pytest.raises(
        WorkspaceError, match=r"^JAVA_TOOL_OPTIONS: .* with -XX:\+NoSuchOption; correct or unset it$"
    ):
        require_java()


def no_user(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    monkeypatch.setattr(pwd, "getpwuid", lambda user: {}[user])


def few_files(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda limit: (64, 64))


def percent_in_the_path(monkeypatch):
    found = SimpleNamespace(origin="/home/me/100%/.venv/mlflow/__init__.py")
    monkeypatch.setattr(machine, "find_spec", lambda name: found)


def long_temporary_folder(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", f"/tmp/{'x' * 80}")


def no_temporary_folder(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])


MACHINES = {  # what is odd -> the sentence
    no_user: "user: 12345 has no entry in /etc/passwd.*have root add the line me:x:12345:",
    few_files: "only 64 files may be open at once, and a run needs 512; allow them, as by ulimit -n 512",
    percent_in_the_path: "/home/me/100%/.venv/mlflow: MLflow does not work in a folder whose path has a %",
    no_temporary_folder: r"^TMPDIR: No usable .*'/nowhere'\]; make room .* or name another by TMPDIR",
    long_temporary_folder: "TMPDIR: /tmp/x{80} has 85 bytes, .* name a shorter one",
}


@pytest.mark.parametrize("odd", MACHINES, ids=lambda odd: odd.__name__)
def test_a_machine_that_cannot_is_named(monkeypatch, tmp_path, odd):
    machine.check()
    odd(monkeypatch)
    with pytest.raises(WorkspaceError, match=MACHINES[odd]), start_workspace(tmp_path):
        pass


def test_a_folder_for_what_does_not_last_is_asked_for(monkeypatch):
    """As `lock`, `upgrade` and `import` need one."""
    no_temporary_folder(monkeypatch)
    with pytest.raises(WorkspaceError, match=MACHINES[no_temporary_folder]), own_folder():
        pass


def test_a_catalog_that_could_not_be_opened_again_is_not_made(tmp_path):
    bundle = tmp_path / "10:30/bundle"
    with pytest.raises(WorkspaceError, match=rf"^{bundle}/.local_workspace: Spark's catalog .* rename"):
        Workspace(bundle).__enter__()
    assert not bundle.exists()


def test_a_limit_of_files_that_may_be_raised_is_raised(monkeypatch):
    raised = []
    monkeypatch.setattr(resource, "getrlimit", lambda limit: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda limit, values: raised.append(values))
    machine.check()
    assert raised == [(512, resource.RLIM_INFINITY)]


LOCKED = (
    "/a b/mlflow.db is locked by me (process 1), and nothing is wrong with it; end that, then run this again"
)
PRINTED = {  # by Java or Spark -> the begin of the cause
    "java.io.IOException: No space left on device": "a disk is full",
    "java.io.IOException: error=24, Too many open files": "too many files are open",
    "OutOfMemoryError: unable to create native thread: possibly out of memory": "this user may start no more",
    "java.nio.file.InvalidPathException: Malformed input or input contains unmappable": "Java cannot read a",
    "There is insufficient memory for the Java Runtime Environment to continue.": "the memory does not suff",
    "[Errno 12] Cannot allocate memory": "the memory does not suffice",
    f"mlflow.exceptions.MlflowException: {LOCKED}": LOCKED,
    "Exception in thread main java.lang.IllegalStateException": "",
}


@pytest.mark.parametrize("printed", PRINTED)
def test_why_spark_did_not_start_is_told_from_what_it_printed(monkeypatch, printed):
    monkeypatch.setattr(resource, "getrlimit", lambda limit: (resource.RLIM_INFINITY,) * 2)
    said = causes.cause(f"WARNING: something else\n{printed}\n\tat java.base")
    assert said.startswith(PRINTED[printed]) and bool(said) == bool(PRINTED[printed])


def test_too_few_addresses_are_said_before_java_is_called_missing(tmp_path):
    """As by ulimit -v; Java is there, but does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "local_workspace", "run"],
        cwd=copy_rendered(tmp_path / "bundle"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2000 * MB, 2000 * MB)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert said == (
        "Java does not start: only 2000 MB of addresses are allowed, and Spark needs about 6000; "
        "allow more, as by ulimit -v unlimited"
    )
