"""How a notebook's file is read: which cells run, and which sentence the others get. Without Spark."""

import json
from pathlib import Path

import pytest
from local_workspace.notebooks.cells import check_notebook, read_cells

PYTHON, SQL = "# Databricks notebook source\n", "-- Databricks notebook source\n"
NEXT = "\n# COMMAND ----------\n\n"


def jupyter(*sources: str, language: str = "python") -> str:
    cells = [{"cell_type": "markdown", "source": ["# Title"]}]
    cells += [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    return json.dumps({"metadata": {"language_info": {"name": language}}, "cells": cells, "nbformat": 4})


# What is read -> the kind, text and line of what runs.
READ = {
    ("n.py", f"{PYTHON}a = 1{NEXT}b = 2\n"): [("python", "a = 1", 2), ("python", "b = 2", 4)],
    ("n.py", f"{PYTHON}# MAGIC %md\n# MAGIC # Title{NEXT}b = 2"): [("python", "b = 2", 5)],
    ("n.py", f"{PYTHON}# DBTITLE 1,T\n# MAGIC %sql\n# MAGIC SELECT 1;\n# MAGIC SELECT 2"): [
        ("sql", "SELECT 1;\nSELECT 2", 2)
    ],
    ("n.py", f"{PYTHON}# MAGIC %md-sandbox\n# MAGIC <p>"): [],
    ("n.py", f"{PYTHON}# MAGIC %sql SELECT :a"): [("sql", "SELECT :a", 2)],
    ("n.py", f"{PYTHON}# MAGIC %python\n# MAGIC a = 1"): [("python", "a = 1", 2)],
    ("n.py", f"{PYTHON}# MAGIC %run ./folder/other"): [("run", "folder/other.py", 2)],
    ("n.py", f'{PYTHON}# MAGIC %run "folder/../folder/other"'): [("run", "folder/other.py", 2)],
    ("n.py", f"{PYTHON}# MAGIC %pip install a \\\n# MAGIC   b\n# MAGIC %restart_python\nc = 1"): [
        ("pip", "install a \\", 2),
        ("restart", "", 4),
        ("python", "c = 1", 5),
    ],
    ("n.py", f"{PYTHON}a = (7\n% 4)"): [("python", "a = (7\n% 4)", 2)],
    ("n.sql", f"{SQL}SELECT 1\n-- COMMAND ----------\n-- MAGIC %python\n-- MAGIC a = 1"): [
        ("sql", "SELECT 1", 2),
        ("python", "a = 1", 4),
    ],
    ("n.ipynb", jupyter("%sql\nSELECT 1", "a = 1\nb = 2")): [
        ("sql", "SELECT 1", 1),
        ("python", "a = 1\nb = 2", 1),
    ],
}

# What is read -> the sentences.
REFUSED = {
    ("n.py", "a = 1"): ["n.py: this is no notebook; begin it with the line # Databricks notebook source"],
    ("n.sql", "SELECT 1"): [
        "n.sql: this is no notebook; begin it with the line -- Databricks notebook source"
    ],
    ("n.scala", "// Databricks notebook source"): [
        "n.scala: only notebooks in .py, .sql, .ipynb run here; write it as one"
    ],
    ("n.ipynb", "{}"): ["n.ipynb: this is no Jupyter notebook of format 4; save it as one"],
    ("n.ipynb", "[1"): ["n.ipynb: this is no Jupyter notebook of format 4; save it as one"],
    ("n.ipynb", jupyter(language="scala")): [
        "n.ipynb: its language is scala; only Python runs here in .ipynb"
    ],
    ("n.py", f"{PYTHON}a = 1{NEXT}# MAGIC %sh\n# MAGIC ls"): [
        "n.py:5: %sh does not run here; run the command by subprocess"
    ],
    ("n.py", f"{PYTHON}# MAGIC %fs ls /"): [
        "n.py:2: %fs does not run here; keep in tables what it reads and writes"
    ],
    ("n.py", f"{PYTHON}# MAGIC %scala\n# MAGIC val a = 1"): [
        "n.py:2: %scala does not run here; write the cell in Python or SQL"
    ],
    ("n.py", f"{PYTHON}# MAGIC %r\n# MAGIC a <- 1"): [
        "n.py:2: %r does not run here; write the cell in Python or SQL"
    ],
    ("n.py", f"{PYTHON}a = 1\n# MAGIC %time a + 1\nb = 2"): [
        "n.py:3: %time does not run here; write it in Python, or remove the line"
    ],
    ("n.py", f"{PYTHON}# MAGIC %%html\n# MAGIC <p>"): [
        "n.py:2: %%html does not run here; write it in Python, or remove the line"
    ],
    ("n.ipynb", jupyter("a = 1", "\n!ls")): [
        "n.ipynb cell 3:2: !ls does not run here; write it in Python, or remove the line"
    ],
    ("n.py", f"{PYTHON}# MAGIC %sql\n# MAGIC SELECT *\n# MAGIC FROM ${{t}}"): [
        "n.py:4: ${name} is not replaced in a local run; write the parameter marker :name"
    ],
    ("n.py", f'{PYTHON}# MAGIC %run ./folder/other $a="1"'): [
        "n.py:2: %run takes a relative path alone here; set a variable in place of a parameter"
    ],
    ("n.py", f"{PYTHON}# MAGIC %run /Workspace/other"): [
        "n.py:2: %run takes a relative path alone here; set a variable in place of a parameter"
    ],
    ("n.py", f"{PYTHON}# MAGIC %run ./folder/other\n# MAGIC a = 1"): [
        "n.py:2: %run needs a cell of its own; part the cell"
    ],
    ("n.py", f"{PYTHON}# MAGIC %run ./folder/other.py"): [
        "n.py:2: a deployed notebook has no suffix in its name; leave it out after %run"
    ],
    ("n.py", f"{PYTHON}# MAGIC %run ./nothing"): [
        "n.py:2: %run does not find ./nothing; correct the path, which begins at this notebook"
    ],
    ("n.py", f"{PYTHON}# MAGIC %run ./n"): ["n.py:2: this notebook would run itself; remove the %run"],
    ("n.py", f"{PYTHON}# MAGIC %run ./folder/shells"): [
        "folder/shells.py:3: %sh does not run here; run the command by subprocess"
    ],
    ("n.py", f"{PYTHON}a = 1{NEXT}b = 2\nc = "): [
        "n.py:6: this is no valid Python (invalid syntax); correct the line"
    ],
    ("n.py", f"{PYTHON}# MAGIC %sh a{NEXT}# MAGIC %sh b"): [
        "n.py:2: %sh does not run here; run the command by subprocess",
        "n.py:5: %sh does not run here; run the command by subprocess",
    ],
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("folder/other.py").write_text(f"{PYTHON}# MAGIC %run ../folder/more")
    Path("folder/more.sql").write_text(f"{SQL}SELECT 1")
    Path("folder/shells.py").write_text(f"{PYTHON}\n# MAGIC %sh ls")


@pytest.mark.parametrize(("name", "text"), READ)
def test_the_cells_of_a_notebook_are_read(name, text):
    Path(name).write_text(text)
    cells = [cell for cell in read_cells(Path(name)) if cell.text.strip() or cell.kind == "restart"]
    assert [(cell.kind, cell.text.strip(), cell.line) for cell in cells] == READ[name, text]
    assert check_notebook(Path(name)) == []


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_what_does_not_run_is_said_before_anything_starts(name, text):
    Path(name).write_text(text)
    assert check_notebook(Path(name)) == REFUSED[name, text]


def test_a_notebook_that_is_not_there_is_named():
    assert check_notebook(Path("gone.py")) == ["gone.py: there is no such notebook; correct the path to it"]


def test_a_notebook_in_another_encoding_is_named():
    Path("n.py").write_bytes(PYTHON.encode() + b"a = '\xff'")
    assert check_notebook(Path("n.py")) == ["n.py: this is not UTF-8; save it as UTF-8"]
