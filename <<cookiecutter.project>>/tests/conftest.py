"""A copy of this bundle in a local workspace of its own, so that tests leave your state alone."""

import json
import shutil
from pathlib import Path
from textwrap import dedent, indent

import pytest

from local_workspace.bundle import Bundle
from local_workspace.jobs import JobRun, Jobs
from local_workspace.report import Report
from local_workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".local_workspace", "__pycache__", ".*_cache")
ASK = """
import json, mlflow
mlflow.set_registry_uri("databricks-uc")
{code}
dbutils.notebook.exit(json.dumps(answer(), default=str))
"""


class LocalBundle:
    """The copied bundle, its workspace, and what it ran."""

    def __init__(self, root: Path, workspace: Workspace):
        self.root = root
        self.workspace = workspace
        self.bundle = Bundle(root, "dev")
        parameters = self.bundle.jobs["ml_training_pipeline"]["parameters"]
        values = {parameter["name"]: parameter["default"] for parameter in parameters}
        self.project = values["project"]
        self.gold = f"{values['catalog']}.{values['gold_schema']}"
        self.features = f"{values['catalog']}.{values['feature_schema']}"

    def run(self, job: str, only: list | None = None, **parameters: str) -> JobRun:
        with open(self.root / "report.txt", "a") as stream:
            return Jobs(self.bundle, self.workspace, Report(stream)).run(job, only, parameters)

    def ask(self, expression: str):
        """The value of a Python expression (or of a body with `return`) in a task of its own."""
        body = dedent(expression).strip()
        code = body if "return " in body else f"return {body}"
        path = self.root / "ask.py"
        path.write_text(ASK.format(code=f"def answer():\n{indent(code, '    ')}"))
        task = self.workspace.start_notebook(path, {}, {}, self.workspace.logs / "ask.log")
        result = task.result.recv()
        self.workspace.end_notebook(task)
        assert result["error"] is None, result["error"]
        return json.loads(result["exit"])


@pytest.fixture(scope="session")
def local_bundle(tmp_path_factory) -> LocalBundle:
    root = tmp_path_factory.mktemp("bundle") / "copy"
    shutil.copytree(ROOT, root, ignore=LEFT_OUT)
    with Workspace(root) as workspace:
        yield LocalBundle(root, workspace)


@pytest.fixture(scope="session")
def models() -> dict[str, dict]:
    """Every model of the training job: its domain, type, algorithm and label, as its notebook says."""
    found = {}
    for path in sorted(ROOT.glob("src/*/*/train_*.py")):
        constants = {}
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" = ")
            if name in ("DOMAIN", "MODEL_TYPE", "ALGORITHM", "LABEL"):
                constants[name.lower()] = value.split("  #")[0].strip('"')
        found[path.stem.removeprefix("train_")] = constants | {"path": path.relative_to(ROOT)}
    return found
