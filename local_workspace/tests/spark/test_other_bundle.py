"""A bundle that this template did not make: another form, no pyproject.toml, no uv.lock, no template near."""

import subprocess
import sys

BUNDLE = """\
bundle: {name: other}
resources:
  jobs:
    count:
      tasks:
        - task_key: fill
          notebook_task: {notebook_path: work/fill.sql}
        - task_key: count
          depends_on: [{task_key: fill}]
          notebook_task: {notebook_path: work/count.py}
"""
NOTEBOOKS = {
    "fill.sql": "-- Databricks notebook source\nCREATE TABLE numbers AS SELECT id FROM range(7)\n",
    "count.py": "# Databricks notebook source\ndbutils.notebook.exit(str(spark.table('numbers').count()))\n",
}


def test_it_runs_from_a_folder_within_it_and_is_checked(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "databricks.yml").write_text(BUNDLE)
    for name, text in NOTEBOOKS.items():
        (tmp_path / "work" / name).write_text(text)

    def run(*command):
        asked = [sys.executable, "-m", "local_workspace", *command]
        return subprocess.run(asked, cwd=tmp_path / "work", capture_output=True, text=True)

    done = run("run", "count")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " s  7\n" in done.stdout
    assert "Tables, predictions among them: ../.local_workspace/warehouse" in done.stdout
    done = run("check")
    assert (done.returncode, done.stderr) == (1, "")
    assert "work/count.py:1: it does not set the task value status" in done.stdout
    done = run("run")
    assert done.returncode == 2
    assert done.stderr == "job: name one of count, or list some in pyproject.toml\n"
