"""What a notebook's cells do: SQL, other notebooks, Jupyter's format, and where an error is."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

NOTEBOOKS = {
    "cells.py": """
        # Databricks notebook source
        from __future__ import annotations
        import importlib, sys
        dbutils.jobs.taskValues.set("before", 1)

        # COMMAND ----------

        # MAGIC %pip install something==1
        # MAGIC %restart_python

        # COMMAND ----------

        assert "importlib" not in globals()

        def later(value: NotDefined) -> None: ...

        # COMMAND ----------

        # MAGIC %run ./shared

        # COMMAND ----------

        # MAGIC %sql
        # MAGIC -- two statements; the last one counts
        # MAGIC CREATE OR REPLACE TEMPORARY VIEW numbers AS SELECT id FROM range(30);
        # MAGIC SELECT id, :given AS given, ';' AS text FROM numbers WHERE id < 25

        # COMMAND ----------

        import sys
        from pathlib import Path

        sys.path.insert(0, dbutils.widgets.get("folder"))
        import imported

        imported.leave(dbutils.widgets.get("given"))
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.runtime import *
        from pyspark.dbutils import DBUtils

        same = DBUtils(spark) is dbutils is imported.dbutils and imported.spark is spark
        same = same and imported.display is display and WorkspaceClient().dbutils is dbutils
        found = [twice(shared), _sqldf.count(), _sqldf.first().given, same]
        imported.leave_the_notebook(found)
    """,
    "shared.py": """
        # Databricks notebook source
        # MAGIC %run ./folder/more

        # COMMAND ----------

        def twice(value):
            return 2 * value
    """,
    "folder/more.ipynb": json.dumps(
        {
            "metadata": {},
            "nbformat": 4,
            "cells": [
                {"cell_type": "markdown", "source": "# Title"},
                {"cell_type": "code", "source": ["shared = \\\n", "    21"]},
            ],
        }
    ),
    "folder/imported.py": """
        import json

        from databricks.sdk.runtime import dbutils, display, spark

        def leave(value):
            dbutils.jobs.taskValues.set("left", value)

        def leave_the_notebook(found):
            dbutils.notebook.exit(json.dumps(found))
    """,
    "fails.py": """
        # Databricks notebook source
        # MAGIC %md Title

        # COMMAND ----------

        # MAGIC %run ./folder/fails
    """,
    "folder/fails.py": """
        # Databricks notebook source

        # COMMAND ----------

        def fail():
            raise KeyError("told")

        # COMMAND ----------

        fail()
    """,
    "fails_in_sql.py": """
        # Databricks notebook source

        # COMMAND ----------

        # MAGIC %sql
        # MAGIC SELECT missing
    """,
    "refused.py": """
        # Databricks notebook source
        print("this cell runs")

        # COMMAND ----------

        # MAGIC %sh ls
    """,
    "statements.sql": """
        -- Databricks notebook source
        CREATE OR REPLACE TEMPORARY VIEW few AS SELECT explode(sequence(1, 3)) AS n

        -- COMMAND ----------

        -- MAGIC %python
        -- MAGIC dbutils.notebook.exit(str(spark.table("few").count()))
    """,
    "displays.py": """
        # Databricks notebook source
        import pandas
        from pyspark.sql import functions as F

        display(pandas.DataFrame({"shown": [1234]}), "and a text")
        display(spark.range(9_000).select(F.assert_true(F.col("id") < 8_999)))
    """,
}


@pytest.fixture(scope="module")
def ran(local_bundle) -> dict[str, dict]:
    """What each notebook ended with, and its log."""
    folder = local_bundle.root / "some_notebooks"
    for name, text in NOTEBOOKS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text).lstrip())
    found = {}
    for name in ("cells.py", "fails.py", "fails_in_sql.py", "refused.py", "statements.sql", "displays.py"):
        parameters = {"given": "7", "folder": str(folder / "folder")}
        result = local_bundle.run_notebook(f"some_notebooks/{name}", **parameters)
        found[name] = result | {"log": (local_bundle.logs / f"{Path(name).stem}.log").read_text()}
    return found


def test_cells_share_their_names_with_the_notebooks_they_run_and_the_modules_they_import(ran):
    result = ran["cells.py"]
    assert result["error"] is None, result["log"]
    assert json.loads(result["exit"]) == [42, 25, "7", True]
    assert result["values"] == {"before": 1, "left": "7"}


def test_the_log_shows_what_a_cell_shows_and_what_was_left_out(ran):
    log = ran["cells.py"]["log"]
    assert "cells.py:8: %pip install something==1 is left out; a local run has what uv.lock says" in log
    assert "id given text" in log and "24     7    ;" in log


def test_a_traceback_names_the_file_and_the_line(ran):
    assert ran["fails.py"]["error"] == "KeyError: 'told'"
    log = ran["fails.py"]["log"]
    for line in (
        'some_notebooks/folder/fails.py", line 10, in <module>\n    fail()',
        'fails.py", line 6, in fail',
    ):
        assert line in log


def test_an_error_in_sql_names_the_file_and_the_line(ran):
    assert "UNRESOLVED_COLUMN" in ran["fails_in_sql.py"]["error"]
    assert 'fails_in_sql.py", line 4\n' in ran["fails_in_sql.py"]["log"]


def test_a_cell_that_does_not_run_fails_when_its_turn_comes(ran):
    assert "this cell runs" in ran["refused.py"]["log"]
    assert ran["refused.py"]["error"].startswith("WorkspaceError: ")
    assert "some_notebooks/refused.py:6: %sh does not run here" in ran["refused.py"]["error"]


def test_a_notebook_may_be_in_sql(ran):
    assert (ran["statements.sql"]["error"], ran["statements.sql"]["exit"]) == (None, "3")


def test_display_runs_what_a_workspace_would_show(ran):
    """A row beyond those that the log shows fails."""
    assert "1234" in ran["displays.py"]["log"] and "and a text" in ran["displays.py"]["log"]
    assert "is not true" in ran["displays.py"]["error"]
