"""For your tests: the rules, and a copy of the bundle in a local workspace of its own, which spares yours."""

import json
import shutil
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from local_workspace.bundle.bundle import Bundle
from local_workspace.errors import BundleError
from local_workspace.jobs.report import Report
from local_workspace.jobs.runs import JobRun, Jobs
from local_workspace.notebooks.process import start_notebook
from local_workspace.rules import RULES
from local_workspace.rules.bundle_files import BundleFiles
from local_workspace.rules.checking import broken
from local_workspace.workspace.started import Workspace

__all__ = ["RULES", "BundleFiles", "LocalBundle", "broken"]

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".local_workspace", "__pycache__", ".*_cache")
ASK = """\
# Databricks notebook source
import json, mlflow
mlflow.set_registry_uri("databricks-uc")
{code}
dbutils.notebook.exit(json.dumps(answer(), default=str))
"""


class LocalBundle(Workspace):
    """The workspace of a bundle copied from `source` to `root`; use it in a `with`.

    `gold` and `features` are the catalog and schema of its tables, `project` names its experiments, by the
    parameters of its jobs.
    A process has one of them at a time: tasks of a second would have the environment of the first.
    """

    def __init__(self, source: Path, root: Path):
        shutil.copytree(source, root, ignore=LEFT_OUT)
        super().__init__(root)
        self.bundle = Bundle(root, "dev")

    @property
    def gold(self) -> str:
        return f"{self._parameter('catalog')}.{self._parameter('gold_schema')}"

    @property
    def features(self) -> str:
        return f"{self._parameter('catalog')}.{self._parameter('feature_schema')}"

    @property
    def project(self) -> str:
        return self._parameter("project")

    def _parameter(self, name: str) -> str:
        """Its value in the first job that has it."""
        given = [each for job in self.bundle.jobs.values() for each in job.get("parameters", [])]
        found = [str(each["default"]) for each in given if each["name"] == name]
        if not found:
            raise BundleError(f"databricks.yml: no job has a parameter {name}; add it, or do without")
        return found[0]

    def run(self, job: str, only: list[str] | None = None, **parameters: str) -> JobRun:
        """Runs a job, or only some of its tasks; what you give replaces the job's own parameters."""
        with open(self.root / "report.txt", "a") as stream:
            return Jobs(self.bundle, self, Report(stream)).run(job, only, parameters)

    def run_notebook(self, pattern: str, **parameters: str) -> dict[str, Any]:
        """Runs the notebook that a pattern finds: what it exits with, its error, its task values."""
        (path,) = self.root.glob(pattern)
        task = start_notebook(self, path, parameters, {}, self.logs / f"{path.stem}.log")
        result: dict[str, Any] = task.result.recv()
        self.end(task)
        return result

    def ask(self, code: str) -> Any:
        """The value of a Python expression, or of a function's body, evaluated by a task of its own."""
        body = dedent(code).strip()
        body = body if "return " in body else f"return {body}"
        (self.root / "ask.py").write_text(ASK.format(code=f"def answer():\n{indent(body, '    ')}"))
        result = self.run_notebook("ask.py")
        assert result["error"] is None, result["error"]
        return json.loads(result["exit"])

    def sql(self, statement: str) -> list[list[Any]]:
        """The rows of a statement."""
        rows: list[list[Any]] = self.ask(f"return [list(row) for row in spark.sql({statement!r}).collect()]")
        return rows
