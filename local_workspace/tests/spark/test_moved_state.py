"""State that was moved or copied belongs to its new folder, and the original keeps its own."""

import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import found, state
from rendered import copy_rendered

JOB = """
resources:
  jobs:
    {name}:
      name: {name}
      tasks:
        - task_key: {name}
          notebook_task:
            notebook_path: ../../src/{name}.py
"""
NOTEBOOKS = {
    "leave": """
        # Databricks notebook source
        import mlflow
        spark.sql("CREATE TABLE one AS SELECT 1 AS n")
        spark.sql("CREATE SCHEMA other")
        spark.sql("CREATE TABLE other.two AS SELECT 2 AS n")
        spark.sql("CREATE VIEW three AS SELECT n + 1 AS n FROM other.two")
        mlflow.set_experiment("/Shared/moved")
        with mlflow.start_run():
            mlflow.log_text("kept", "text.txt")
    """,
    "look": """
        # Databricks notebook source
        import json, mlflow
        rows = [spark.table(name).first().n for name in ("one", "other.two", "three")]
        run = mlflow.search_runs(experiment_names=["/Shared/moved"], output_format="list")[0]
        text = mlflow.artifacts.load_text(run.info.artifact_uri + "/text.txt")
        spark.sql("INSERT INTO one VALUES (5)")
        spark.sql("DROP TABLE other.two")
        dbutils.notebook.exit(json.dumps([*rows, text]) + run.info.artifact_uri)
    """,
}


def run(root: Path, job: str) -> str:
    command = [sys.executable, "-m", "local_workspace", "run", job]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return "".join(done.stdout.split())  # it is wrapped


def tables(root: Path) -> dict[str, int]:
    """How many files of data each table has."""
    folders = [path.parent for path in root.glob(".local_workspace/warehouse/**/_delta_log")]
    return {folder.name: len(list(folder.glob("*.parquet"))) for folder in folders}


def test_a_copy_reads_writes_and_drops_its_own_tables_alone(tmp_path):
    original = copy_rendered(tmp_path / "a b%20'c ü")  # MLflow gets to such a folder by a link
    for name, code in NOTEBOOKS.items():
        (original / f"src/{name}.py").write_text(dedent(code).lstrip())
        (original / f"resources/ml/{name}.yml").write_text(JOB.format(name=name))
    run(original, "leave")
    copy = shutil.copytree(original, tmp_path / "copy", symlinks=True)
    said = run(copy, "look")
    assert '[1,2,3,"kept"]' + f"{copy}/.local_workspace/mlruns/" in said
    assert "".join(f"moved or copied from {original}/.local_workspace; its tables".split()) in said
    assert tables(original) == {"one": 1, "two": 1}
    assert tables(copy) == {"one": 2}


def test_a_copy_does_not_use_the_workspace_that_runs_for_the_original(local_bundle, tmp_path, monkeypatch):
    asked = []

    class Up:
        def send(self, message):
            asked.append(message)

        def poll(self, seconds):
            return True

        def recv(self):
            return (local_bundle.root, found.version_of(local_bundle.root), {}, "sc://")

        def close(self):
            asked.append("closed")

    monkeypatch.setattr(found, "Client", lambda *_: Up())
    (tmp_path / ".local_workspace").mkdir()
    (tmp_path / ".local_workspace/up").symlink_to(local_bundle.folder / "socket")
    assert found.find(tmp_path) is None
    assert asked == [None, "closed"]
    (local_bundle.state / "up").symlink_to(local_bundle.folder / "socket")
    try:
        assert found.find(local_bundle.root).connection() == ({}, "sc://")
    finally:
        (local_bundle.state / "up").unlink()


TEMPORARY = """
    import os, tempfile, stat
    def where(rows):
        import os, tempfile, pandas
        for _ in rows:
            yield pandas.DataFrame({"folder": [tempfile.gettempdir()]})
    worker = spark.range(1).mapInPandas(where, "folder string").first().folder
    return [tempfile.gettempdir(), worker, oct(stat.S_IMODE(os.stat(tempfile.gettempdir()).st_mode))]
"""


def test_each_run_has_a_temporary_folder_of_its_own(local_bundle):
    task, worker, mode = local_bundle.ask(TEMPORARY)
    assert task == worker == str(local_bundle.folder / "tmp")
    assert mode == "0o700"
    assert local_bundle.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_folder_for_links_that_others_can_write_to_is_refused(tmp_path, monkeypatch, mode):
    monkeypatch.setenv("HOME", str(tmp_path))
    links = tmp_path / ".cache/local_workspace_links"
    links.mkdir(parents=True)
    links.chmod(mode)
    with pytest.raises(WorkspaceError, match="local_workspace_links: others can write there"):
        state.mlflow_folder(tmp_path / "a b")
    links.chmod(0o700)
    assert state.mlflow_folder(tmp_path / "a b").parent == links
