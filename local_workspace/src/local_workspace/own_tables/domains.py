"""The domains of a bundle as its jobs name them: each has a gold table, from which features are made.

A domain is what a task with a notebook in a folder `features` gets as its parameter `domain`.
"""

from pathlib import Path, PurePosixPath
from typing import NamedTuple

from local_workspace.bundle.bundle import Bundle
from local_workspace.bundle.yaml_files import Mapping
from local_workspace.errors import BundleError

TIME = "observed_at"


class Domain(NamedTuple):
    """A domain of one target; tables are named catalog.schema.table.

    `task` of `job` makes the features by `notebook`; `keys` identify a row, the first of them a customer
    or alike; `labels` are what models learn; `predictions` are the tables that its models write.
    """

    name: str
    job: str
    task: str
    notebook: Path
    gold_table: str
    feature_table: str
    keys: list[str]
    labels: list[str]
    predictions: list[str]

    def folder(self, state: Path) -> Path:
        """Where the gold table's files are."""
        _, schema, name = self.gold_table.split(".")
        return state / "warehouse" / f"{schema}.db" / name


def find_domain(bundle: Bundle, name: str) -> Domain:
    """The domain of a name; raises where no job makes its features."""
    found: dict[str, tuple[str, Mapping]] = {}
    for job, settings in bundle.jobs.items():
        for task in settings.entries("tasks"):
            path = PurePosixPath(task.section("notebook_task").name("notebook_path"))
            domain = task.section("notebook_task", "base_parameters").name("domain")
            if path.parent.name == "features" and domain:
                found.setdefault(domain, (job, task))
    if name not in found:
        known = ", ".join(found)
        raise BundleError(f"domain: target {bundle.target} has no {name!r}; it has {known}")
    return _describe(bundle, name, *found[name])


def _describe(bundle: Bundle, name: str, job: str, task: Mapping) -> Domain:
    settings = bundle.jobs[job]
    given = {**task.section("notebook_task", "base_parameters")}
    given |= {
        parameter.name("name"): parameter.name("default") for parameter in settings.entries("parameters")
    }
    for needed in ("catalog", "gold_schema", "feature_schema"):
        if not given.get(needed):
            raise BundleError(f"{settings.place}: {job} has no parameter {needed}; add it")
    features = f"{given['catalog']}.{given['feature_schema']}"
    labels = [label.partition(":")[0].strip() for label in str(given.get("labels", "")).split(",")]
    has_history = str(given.get("history", "")) == "true"
    return Domain(
        name=name,
        job=job,
        task=task["task_key"],
        notebook=(bundle.files[job].parent / task["notebook_task"]["notebook_path"]).resolve(),
        gold_table=f"{given['catalog']}.{given['gold_schema']}.{name}",
        feature_table=f"{features}.{name}_features",
        keys=[f"{name}_id", TIME] if has_history else [f"{name}_id"],
        labels=[label for label in labels if label],
        predictions=[f"{features}.{model}_predictions" for model in _models(bundle, name)],
    )


def _models(bundle: Bundle, domain: str) -> list[str]:
    """The models that score the keys of a domain."""
    tasks = [task for job in bundle.jobs.values() for task in job.entries("tasks")]
    given = [task.section("notebook_task", "base_parameters") for task in tasks]
    scoring = [one for one in given if one.get("domain") == domain and "model_name" in one]
    return sorted({one.name("model_name") for one in scoring})
