"""`databricks.yml` and what it includes, resolved for one target.

Stands for the Databricks CLI's reading of a bundle:
https://docs.databricks.com/aws/en/dev-tools/bundles/variables
"""

import re
import subprocess
from pathlib import Path
from typing import Any

from local_workspace.yaml_files import Mapping, Sequence, YamlFiles, merge

CATALOG = "spark_catalog"  # every target's catalog is this one here: Delta has no other
USER = {"userName": "local@example.com", "short_name": "local"}
REFERENCE = re.compile(r"\$\{([a-zA-Z_][\w.-]*)\}")


GIT = {
    "bundle.git.branch": "rev-parse --abbrev-ref HEAD",
    "bundle.git.commit": "rev-parse HEAD",
    "bundle.git.origin_url": "config --get remote.origin.url",
}


class BundleError(Exception):
    """The bundle cannot be read; the message names the file or the variable, and the remedy."""


class Bundle:
    """One target of a bundle.

    `jobs` maps each job's key to its settings, as deployed: every `${...}` is resolved.
    `files` maps each job's key to the YAML file that defines it, which paths are relative to.
    For the rules, a `lenient` one raises nothing: what refers to nothing, or to a resource, stays as it is.
    With a `user` of the real workspace, names are those of that workspace: its catalog, that user's schemas.
    """

    def __init__(
        self,
        root: Path,
        target: str,
        yaml: YamlFiles | None = None,
        lenient: bool = False,
        user: dict | None = None,
    ):
        self.root = root
        self.target = target
        self._lenient = lenient
        yaml = yaml or YamlFiles(root)
        if yaml.problems and not lenient:
            raise BundleError(yaml.problems[0])
        targets = yaml.config.section("targets")
        if target not in targets:
            known = ", ".join(targets)
            raise BundleError(f"target: there is no {target!r} in databricks.yml; it has {known}")
        own = targets.section(target)
        config = merge(yaml.config, own)
        self._scopes = {
            "bundle": {**config.section("bundle"), "target": target},
            "workspace": {**config.section("workspace"), "current_user": user or USER},
            "var": _values(yaml.config.section("variables"), own.section("variables")),
        }
        if not user and "catalog" in self._scopes["var"]:
            self._scopes["var"]["catalog"] = CATALOG
        jobs = config.section("resources", "jobs")
        self.jobs = {key: self.resolve(jobs.section(key)) for key in jobs}
        self.files = {key: root / job.at("tasks").rpartition(":")[0] for key, job in self.jobs.items()}

    def resolve(self, value: object, within: tuple[str, ...] = ()) -> Any:
        """`value` with every `${...}` in it replaced, as deeply as references go."""
        if isinstance(value, Mapping):
            items = {key: self.resolve(item, within) for key, item in value.items()}
            return Mapping(items, value.place, value.places)
        if isinstance(value, Sequence):
            return Sequence([self.resolve(item, within) for item in value], value.place, value.places)
        if not isinstance(value, str):
            return value
        if whole := REFERENCE.fullmatch(value):
            return self._value_of(whole[1], within)
        return REFERENCE.sub(lambda match: str(self._value_of(match[1], within)), value)

    def _value_of(self, name: str, within: tuple[str, ...]) -> Any:
        try:
            return self._look_up(name, within)
        except BundleError:
            if self._lenient:
                return f"${{{name}}}"
            raise

    def _look_up(self, name: str, within: tuple[str, ...]) -> Any:
        if name in within:
            raise BundleError(f"${{{name}}} refers to itself; correct its value")
        if name.startswith("resources.") and not self._lenient:
            return name.split(".")[2]  # a job's id is its key here
        if name in GIT:
            return _ask_git(self.root, GIT[name])
        found = self._scopes
        for part in name.split("."):
            if not isinstance(found, dict) or part not in found:
                problem = f"{part!r} is not declared, or has no value in target {self.target}"
                raise BundleError(f"${{{name}}}: {problem}; correct it, or add it in databricks.yml")
            found = self.resolve(found[part], (*within, name))
        return found


def _ask_git(root: Path, question: str) -> str:
    """What git says of the folder; nothing where there is no git, or no commit yet."""
    try:
        return subprocess.run(
            ["git", *question.split()], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _values(declared: Mapping, given: Mapping) -> dict:
    """Each variable's value: the target's, else its default."""
    values = {name: declared[name]["default"] for name in declared if "default" in declared.section(name)}
    return values | {name: given.section(name).get("default", given[name]) for name in given}
