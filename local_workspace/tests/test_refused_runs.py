"""What a run is refused for before Spark starts: one sentence, which names the file, and exit code 2."""

import fcntl
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from local_workspace.compute import java
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import damage
from rendered import copy_rendered

STATE = Path(".local_workspace")
JOBS = Path("resources/ml/ml_inference_pipeline.yml")


def write(name: str | Path, content: str | bytes, mode: int = 0o644) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)


def make_store(release: str, runs: int = 100) -> None:
    STATE.mkdir()
    with closing(sqlite3.connect(STATE / "mlflow.db")) as store, store:
        store.execute("CREATE TABLE alembic_version (version_num TEXT)")
        store.executemany("INSERT INTO alembic_version VALUES (?)", [[release]] if release else [])
        store.execute("CREATE TABLE runs (text TEXT)")
        store.executemany("INSERT INTO runs VALUES (?)", [["x" * 1000]] * runs)


def damage_store(keep: int) -> None:
    make_store("0")
    os.truncate(STATE / "mlflow.db", keep)


def make_catalog(*lost: str) -> None:
    write(STATE / "warehouse/some.db/table/_delta_log/0.json", "")
    for name in {"service.properties", "log/log.ctrl", "seg0/c0.dat"} - set(lost):
        write(STATE / "metastore_db" / name, "x")


def option(text: str) -> None:
    project = Path("pyproject.toml").read_text()
    write("pyproject.toml", project.replace("[tool.local_workspace]", f"[tool.local_workspace]\n{text}"))


def change(name: str | Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, Path(name).read_text())
    assert count
    write(name, changed)


def replace_a_notebook(text: str) -> None:
    (path,) = Path().glob("src/*/pipeline_status.py")
    path.write_text(f"# Databricks notebook source\n{text}\n")


RUN = ["run"]
REFUSED = {  # what is wrong -> how it came, what was asked for, the sentence
    "state is a file": (
        lambda: write(STATE, "x"),
        RUN,
        r"\.local_workspace cannot be used as a folder, as .*\.local_workspace is a file; remove that file$",
    ),
    "state is a dangling link": (
        lambda: STATE.symlink_to("x/y"),
        RUN,
        r"\.local_workspace is a link to x/y, which is not there; mount its disk, or correct the link$",
    ),
    "mlflow.db is garbage": (
        lambda: write(STATE / "mlflow.db", "x" * 5000),
        RUN,
        r"mlflow\.db is damaged \(file is not",
    ),
    "mlflow.db is cut": (
        lambda: damage_store(40_000),
        RUN,
        r"mlflow\.db is damaged \(.*\); restore it .* move models/ away",
    ),
    "mlflow.db is cut to a part of a page": (lambda: damage_store(50), RUN, r"mlflow\.db is damaged \("),
    "mlflow.db is of a newer MLflow": (
        lambda: make_store("0"),
        RUN,
        r"mlflow\.db is of a newer MLflow; install",
    ),
    "mlflow.db is of an older MLflow": (
        lambda: make_store("451aebb31d03"),
        RUN,
        r"older MLflow; .* mlflow db upgrade",
    ),
    "mlflow.db is a folder": (
        lambda: (STATE / "mlflow.db").mkdir(parents=True),
        RUN,
        r"mlflow\.db is damaged \(",
    ),
    "mlflow.db is gone": (
        lambda: write(STATE / "models/dev/ml/a/1/MLmodel", ""),
        RUN,
        r"mlflow\.db is gone, so the versions in .*models away to begin",
    ),
    "the catalog is gone": (
        lambda: write(STATE / "warehouse/a", ""),
        RUN,
        r"metastore_db is gone, so the tables in",
    ),
    "the catalog has lost its properties": (
        lambda: make_catalog("service.properties"),
        RUN,
        r"metastore_db lacks service\.properties; restore",
    ),
    "the catalog has lost its log": (
        lambda: make_catalog("log/log.ctrl"),
        RUN,
        r"metastore_db lacks log/log\.ctrl",
    ),
    "the catalog has lost its tables": (
        lambda: make_catalog("seg0/c0.dat"),
        RUN,
        r"metastore_db lacks seg0; ",
    ),
    "a job is not UTF-8": (lambda: write(JOBS, b"\xff"), RUN, r"ml_inference_pipeline\.yml.*UTF-8"),
    "a job's file is a list": (lambda: write(JOBS, "- a\n"), RUN, r"ml_inference_pipeline\.yml"),
    "a job's file is no YAML": (lambda: write(JOBS, "a: [\n"), RUN, r"ml_inference_pipeline\.yml"),
    "a job has no tasks": (
        lambda: write(JOBS, "resources:\n  jobs:\n    empty:\n      name: a\n"),
        ["run", "empty"],
        r"job: empty has no tasks; add some",
    ),
    "no job is named": (
        lambda: change("pyproject.toml", r"whole_path = .*", "whole_path = []"),
        RUN,
        r"job: name one of ml_.*, or list some in pyproject\.toml",
    ),
    "a bundle has no jobs": (
        lambda: change("databricks.yml", r"include:\n.*\n", ""),
        RUN,
        r"job: target dev has no jobs; add one to databricks",
    ),
    "a task's type does not run here": (
        lambda: change(JOBS, "notebook_task:", "spark_python_task:"),
        RUN,
        r"^resources/ml/ml_inference_pipeline\.yml:\d+: job ml_inference_pipeline, task features_\w+: "
        r"a local run has no spark_python_task, only .*; leave this task out by --task",
    ),
    "a job is not there": (lambda: None, ["run", "nothing"], r"job: target dev has no 'nothing'; it has ml_"),
    "a target has no such job": (
        lambda: None,
        ["run", "ml_sample_data", "--target", "prod", "--var", "service_principal=x"],
        r"job: target prod has no 'ml_sample_data'; it has ml_",
    ),
    "a task is not there": (
        lambda: None,
        ["run", "--task", "nothing"],
        r"--task: there is no 'nothing'; there are",
    ),
    "a target is not there": (
        lambda: None,
        ["run", "--target", "x"],
        r"target: there is no 'x' in databricks\.yml",
    ),
    "a target needs a value": (
        lambda: None,
        ["run", "--target", "prod"],
        r"databricks\.yml:\d+: variable service_principal has no value in target prod; .* --var service_pr",
    ),
    "a variable is not there": (
        lambda: None,
        ["run", "--var", "nobody=1"],
        r"--var: there is no variable nobody; declare it",
    ),
    "databricks.yml is gone": (lambda: os.remove("databricks.yml"), RUN, r"databricks\.yml"),
    "pyproject.toml is no TOML": (
        lambda: write("pyproject.toml", "a = ["),
        RUN,
        r"pyproject\.toml cannot be read",
    ),
    "a cell does not run": (
        lambda: replace_a_notebook("# MAGIC %sh ls"),
        RUN,
        r"^src/\w+/pipeline_status\.py:2: %sh does not run here; run the command by subprocess$",
    ),
    "a notebook is no Python": (
        lambda: replace_a_notebook("a = "),
        RUN,
        r"pipeline_status\.py:2: this is no valid Python \(invalid syntax\); correct the line",
    ),
    "a notebook is not there": (
        lambda: os.rename(next(Path().glob("src/*/pipeline_status.py")), "elsewhere.py"),
        RUN,
        r"there is no notebook \S+/pipeline_status\.py; correct notebook_path",
    ),
    "an option is no list": (
        lambda: option('environment = "A"'),
        RUN,
        r"environment .* is 'A'; make it a list",
    ),
    "an option is no number": (
        lambda: option("task_memory_mb = true"),
        RUN,
        r"task_memory_mb .*make it a whole",
    ),
}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    folder = copy_rendered(tmp_path / "bundle")
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "local_workspace", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts and path.name != "lock"}


@pytest.mark.parametrize("what", REFUSED)
def test_a_run_is_refused_and_nothing_is_lost(copy, what):
    come_about, arguments, sentence = REFUSED[what]
    come_about()
    before = files(copy)
    done = run(*arguments)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert re.search(sentence, said)
    assert "Traceback" not in done.stdout
    assert before <= files(copy)


def test_what_a_killed_run_left_half_made_is_made_anew(copy):
    make_store("", runs=0)
    make_catalog("service.properties")
    shutil.rmtree(STATE / "warehouse")
    damage.check(STATE)
    assert list(STATE.iterdir()) == []


@pytest.mark.parametrize("what", ["runs", "models"])
def test_a_store_with_runs_or_models_is_not_removed_where_it_has_lost_its_release(copy, what):
    make_store("", runs=1 if what == "runs" else 0)
    if what == "models":
        write(STATE / "models/dev/ml/a/1/MLmodel", "")
    before = files(copy)
    with pytest.raises(WorkspaceError, match=r"mlflow\.db lacks alembic_version, so .*; restore it .* move "):
        damage.check(STATE)
    assert before <= files(copy)


def test_a_full_disk_is_named(copy, monkeypatch):
    STATE.mkdir()
    monkeypatch.setattr(damage, "FREE_MB", 1 << 40)
    with pytest.raises(WorkspaceError, match=r"\.local_workspace: its disk has \d+ MB left; make room"):
        damage.check(STATE)


def test_a_run_beside_another_is_refused(copy):
    STATE.mkdir()
    with open(STATE / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = run("run")
    assert done.returncode == 2
    assert re.search(r"\.local_workspace is in use by another run, or by `up`; wait for it", done.stderr)


JAVAS = {  # what JAVA_HOME/bin/java is: its text, its mode
    "nothing": None,
    "not executable": ("#!/bin/sh\n", 0o644),
    "garbage": (b"\x7fELF\0\0", 0o755),
    "another version": ("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n", 0o755),
}


@pytest.mark.parametrize("what", JAVAS)
def test_a_java_home_that_is_none_is_named(tmp_path, monkeypatch, what):
    """Though there is a right one on the PATH: Spark would take that of JAVA_HOME."""
    if JAVAS[what]:
        write(tmp_path / "bin/java", *JAVAS[what])
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(java, "SECONDS", 1)
    with pytest.raises(
        WorkspaceError, match="JAVA_HOME: Spark needs Java 17 or 21, and .*/bin/java does not say"
    ):
        java.require_java()


def test_a_java_that_is_slow_is_not_called_missing(tmp_path, monkeypatch):
    write(tmp_path / "bin/java", "#!/bin/sh\nexec sleep 60\n", 0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(java, "SECONDS", 1)
    with pytest.raises(WorkspaceError, match="bin/java has not said its version in 1 s; .* run this again"):
        java.require_java()


def test_a_path_without_java_is_said(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(WorkspaceError, match="java: Spark needs Java 17 or 21 on the PATH; install it"):
        java.require_java()
