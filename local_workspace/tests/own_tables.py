"""Gold tables of a test's own, in schemas of their own, and this bundle's notebooks run on them."""

import re
from pathlib import Path
from textwrap import dedent

from local_workspace.jobs.runs import JobRun

MIN_ROWS = 50


class OwnTables:
    """Schemas `{name}_gold` and `{name}_ml`, and notebooks in a folder of that name."""

    def __init__(self, local_bundle, name: str):
        self.bundle, self.name = local_bundle, name
        self.catalog = local_bundle.gold.split(".")[0]
        self.gold, self.features = f"{self.catalog}.{name}_gold", f"{self.catalog}.{name}_ml"
        self.folder = local_bundle.root / name
        self.folder.mkdir()

    def run(self, job: str, *tasks: dict) -> JobRun:
        values = {"catalog": self.catalog, "project": self.name}
        values |= {"gold_schema": f"{self.name}_gold", "feature_schema": f"{self.name}_ml"}
        parameters = [{"name": name, "default": value} for name, value in values.items()]
        self.bundle.bundle.jobs[job] = {"tasks": list(tasks), "parameters": parameters}
        self.bundle.bundle.files[job] = self.bundle.root / "databricks.yml"
        return self.bundle.run(job)

    def ask(self, body: str):
        """The value that a notebook's `body` returns; it knows `gold` and `features`, the schemas."""
        return self.bundle.ask(f"gold, features = {self.gold!r}, {self.features!r}\n{dedent(body)}")

    def task(self, key: str, notebook: Path | str, after: str = "", **parameters: str) -> dict:
        """A task with a notebook's path, or the pattern of one in this bundle."""
        path = notebook if isinstance(notebook, Path) else next(self.bundle.root.glob(notebook))
        return {
            "task_key": key,
            "depends_on": [{"task_key": earlier} for earlier in after.split()],
            "run_if": "ALL_DONE",
            "notebook_task": {"notebook_path": str(path), "base_parameters": parameters},
        }

    def own(self, key: str, code: str, after: str = "", **parameters: str) -> dict:
        """A task with a notebook of these tests."""
        path = self.folder / f"{key}.py"
        path.write_text(code.lstrip())
        return self.task(key, path, after, **parameters)

    def make_features(self, key: str, domain: str, labels: str, after: str = "", **parameters: str) -> dict:
        notebook = "src/*/features/create_feature_tables.py"
        return self.task(key, notebook, after, domain=domain, labels=labels, **parameters)

    def train(
        self, key: str, model: str, notebook: Path, after: str = "", search: bool = False, **constants: object
    ) -> dict:
        """One of this bundle's training notebooks, with other constants; it tries one setting, or all."""
        code = (self.bundle.root / notebook).read_text()
        if not search:
            code = one_setting(code)
        for name, value in {"MIN_ROWS": MIN_ROWS, **constants}.items():
            code, count = re.subn(f"^{name} = .*$", f"{name} = {value!r}", code, flags=re.MULTILINE)
            assert count == 1, f"{notebook} has {count} lines {name} = ..."
        return self.own(key, code, after, model_name=model)

    def score(self, key: str, model: str, domain: str, after: str = "", **parameters: str) -> dict:
        notebook = "src/*/inference/score_model.py"
        return self.task(key, notebook, after, model_name=model, domain=domain, **parameters)


def one_setting(code: str) -> str:
    """A training notebook whose search tries one of two settings alone, which makes it quicker."""
    code, of_values = re.subn(r"^((FOLDS, )?SEARCH = .*\[)[\d.]+, ", r"\1", code, flags=re.MULTILINE)
    code, of_lines = re.subn(r"^(SEARCH = \[.*\n.*\n).*\n(?=\])", r"\1", code, flags=re.MULTILINE)
    assert of_values + of_lines == ("SEARCH = " in code)
    return code


def status(run: JobRun, key: str) -> str:
    return next(task.status for task in run.tasks if task.key == key)


def log(run: JobRun, key: str) -> str:
    return next(task.log for task in run.tasks if task.key == key).read_text()
