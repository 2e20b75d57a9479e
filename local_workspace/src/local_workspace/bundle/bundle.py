"""`databricks.yml` and what it includes, resolved for one target.

Stands for the Databricks CLI's reading of a bundle:
https://docs.databricks.com/aws/en/dev-tools/bundles/settings
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local_workspace.bundle import scalars, variables
from local_workspace.bundle.substitutions import USER, Substitutions
from local_workspace.bundle.yaml_files import (
    Mapping,
    Placed,
    Sequence,
    YamlFiles,
    conflicts,
    merge,
    merge_by_name,
)
from local_workspace.errors import BundleError

HEADER = "# Databricks notebook source"  # of a notebook in Python
TARGET = "DATABRICKS_BUNDLE_TARGET"
CATALOG = "spark_catalog"  # every target's catalog is this one here: Delta has no other
FREE = ("base_parameters", "job_parameters")  # their keys are the owner's, and name no field
TEXTS = (("parameters", "default"), ("for_each_task", "inputs"))


class Bundle:
    """One target of a bundle: `target`, or the default one.

    `jobs` maps each job's key to its settings, as deployed: every `${...}` is resolved, every scalar is of
    its field's type, every notebook_path absolute. `files` maps it to the YAML file that defines it.
    `options` are the name=value of --var; `given` says what is given from outside the bundle.
    For the rules, a `lenient` one raises nothing and reads the files alone: what refers to nothing, or to a
    resource, stays as it is, and so does a notebook_path. Its catalog is that of the real workspace. With a
    `user` of that workspace, its schemas are that user's, and what is given from outside counts too.
    """

    def __init__(
        self,
        root: Path,
        target: str | None = None,
        yaml: YamlFiles | None = None,
        lenient: bool = False,
        options: Iterable[str] = (),
        user: dict[str, str] | None = None,
    ):
        self.root = root
        self._lenient, self._user = lenient, user
        yaml = yaml or YamlFiles(root)
        if yaml.problems and not lenient:
            raise BundleError(yaml.problems[0])
        targets = yaml.config.section("targets")
        outside = "" if target or lenient else os.environ.get(TARGET, "")
        self.target = target or outside or default_target(targets)
        self.given = [f"target {outside} by {TARGET}"] if outside else []
        if self.target not in (targets or ("default",)):
            known = ", ".join(targets or ("default",))
            raise BundleError(f"target: there is no {self.target!r} in databricks.yml; it has {known}")
        own = targets.section(self.target)
        if not lenient:
            for sentence in conflicts(yaml.config.section("resources"), own.section("resources")):
                raise BundleError(sentence)
        config: Mapping = merge(yaml.config, own)
        found = self._variables(yaml.config.section("variables"), own.section("variables"), options)
        if not lenient and "catalog" in found:
            found["catalog"] = variables.Variable(CATALOG, "")
        self._substitutions = Substitutions(root, self.target, config, found, lenient, user or USER)
        if not lenient:
            _refuse_python(config)
        jobs = config.section("resources", "jobs")
        self.jobs = {key: self._job(jobs.section(key)) for key in jobs}
        self.files = {key: root / job.at("tasks").rpartition(":")[0] for key, job in self.jobs.items()}

    def resolve(self, text: str) -> Any:
        """`text` with every `${...}` in it replaced."""
        return self._substitutions.resolve(text)

    def _variables(
        self, declared: Mapping, own: Mapping, options: Iterable[str]
    ) -> dict[str, variables.Variable]:
        """The value of each variable."""
        found = variables.written(declared, own)
        if self._user or not self._lenient:
            outside = variables.given(self.root, self.target, declared, options)
            for name, variable in outside.items():
                local = f", though here it stays {CATALOG}" if name == "catalog" else ""
                self.given.append(f"{name} by {variable.outside}{local}")
            found |= outside
        if not self._lenient:
            variables.require_values(declared, own, found, self.target)
        return found

    def _job(self, written: Mapping) -> Mapping:
        job: Mapping = self._substitutions.resolve(written, written.place)
        job = self._fit(merge_by_name(job), "", job.place)
        if isinstance(job.get("name"), str):
            job["name"] = self._substitutions.named("jobs", job["name"], job.at("name"))
        if self._lenient:
            return job
        for parameter in job.entries("parameters"):
            parameter.setdefault("default", "")
        for task in job.entries("tasks") if "git_source" not in job else []:
            self._find_notebook(task.section("notebook_task"))
            self._find_notebook(task.section("for_each_task", "task", "notebook_task"))
        return job

    def _fit(self, value: object, field: str, place: str) -> Any:
        """A part of a job with each scalar as its field takes it; what is null is left out."""
        if isinstance(value, Mapping):
            items = {key: item for key, item in value.items() if item is not None}
            places = {key: value.places.get(key, place) for key in items}
            for key, item in items.items():
                text = field in FREE or (field, key) in TEXTS
                if text and isinstance(item, Placed) and not self._lenient:
                    problem = f"{key} is a list or a mapping, which it cannot be"
                    raise BundleError(f"{places[key]}: {problem}; write it as text")
                items[key] = self._fit(item, "" if field in FREE else key, places[key])
            return Mapping(items, value.place, places)
        if isinstance(value, Sequence):
            kept = [(value.places.get(n, place), item) for n, item in enumerate(value) if item is not None]
            fitted = [self._fit(item, field, where) for where, item in kept]
            return Sequence(fitted, value.place, dict(enumerate(where for where, _ in kept)))
        try:
            return scalars.fit(value, field)
        except ValueError as error:
            if self._lenient:
                return value
            raise BundleError(f"{place}: {field} is {value!r}; write {error}") from None

    def _find_notebook(self, settings: Mapping) -> None:
        """Makes a notebook_path absolute: it is relative to the file that it is written in."""
        path, place = settings.name("notebook_path"), settings.at("notebook_path")
        if not path or path.startswith("/"):  # which is one of the workspace
            return
        found = Path(os.path.normpath(self.root / Path(place.rpartition(":")[0]).parent / path))
        if not found.is_file() or not found.is_relative_to(self.root):
            raise BundleError(f"{place}: there is no notebook {path}; correct notebook_path")
        with open(found, encoding="utf-8", errors="replace") as file:
            if found.suffix == ".py" and file.readline().rstrip() != HEADER:
                problem = f"{path} is no notebook to Databricks"
                raise BundleError(f"{place}: {problem}; make {HEADER!r} its first line")
        settings["notebook_path"] = str(found)


def default_target(targets: Mapping) -> str:
    """The only target, or the one with `default: true`; raises where that is none or several."""
    marked = [name for name in targets if targets.section(name).get("default") in (True, *scalars.YES)]
    if len(targets) < 2:
        return next(iter(targets), "default")
    if not marked:
        raise BundleError(f"--target: no target is the default; name one of {', '.join(targets)}")
    if len(marked) > 1:
        place = targets.at(marked[1], "default")
        raise BundleError(f"{place}: {' and '.join(marked)} are both the default; let one be it")
    return marked[0]


def _refuse_python(config: Mapping) -> None:
    for keys in (("python",), ("experimental", "python"), ("experimental", "pydabs")):
        if config.section(*keys):
            problem = "python: jobs made by Python code are not imitated"
            raise BundleError(f"{config.at(*keys)}: {problem}; write them in YAML")
