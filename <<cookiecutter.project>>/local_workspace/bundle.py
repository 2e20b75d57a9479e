"""`databricks.yml` and what it includes, resolved for one target.

Stands for the Databricks CLI's reading of a bundle:
https://docs.databricks.com/aws/en/dev-tools/bundles/variables
"""

import re
from pathlib import Path
from typing import Any

from local_workspace.yaml_files import Mapping, Sequence, YamlFiles, merge

CATALOG = "spark_catalog"  # every target's catalog is this one here: Delta has no other
USER = {"userName": "local@example.com", "short_name": "local"}
REFERENCE = re.compile(r"\$\{([a-zA-Z_][\w.-]*)\}")


class BundleError(Exception):
    """The bundle cannot be read; the message names the file or the variable, and the remedy."""


class Bundle:
    """One target of a bundle.

    `jobs` maps each job's key to its settings, as deployed: every `${...}` is resolved.
    `files` maps each job's key to the YAML file that defines it, which paths are relative to.
    `yaml` is what was read, where it was before. A `lenient` bundle raises nothing: the rules read
    it so, and a reference that leads nowhere, or to a resource, stays as it is.
    """

    def __init__(self, root: Path, target: str, yaml: YamlFiles | None = None, lenient: bool = False):
        self.root = root
        self.target = target
        self._lenient = lenient
        yaml = yaml or YamlFiles(root)
        if yaml.problems and not lenient:
            raise BundleError(yaml.problems[0])
        targets = yaml.config.section("targets")
        if target not in targets:
            raise BundleError(
                f"target: there is no {target!r} in databricks.yml; it has {', '.join(targets)}"
            )
        own = targets.section(target)
        self._config = merge(yaml.config, _without_variables(own))
        self._values = _variable_values(self._config, own)
        jobs = self._config.section("resources", "jobs")
        self.jobs = {key: self.resolve(jobs.section(key)) for key in jobs}
        self.files = {key: root / _file_of(job.at("tasks")) for key, job in self.jobs.items()}

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
        if self._lenient and name.startswith("resources."):
            return f"${{{name}}}"
        try:
            return self._look_up(name, within)
        except BundleError:
            if self._lenient:
                return f"${{{name}}}"
            raise

    def _look_up(self, name: str, within: tuple[str, ...]) -> Any:
        if name in within:
            raise BundleError(f"${{{name}}} refers to itself; correct its value")
        scope, _, rest = name.partition(".")
        if scope == "resources":
            return rest.split(".")[1]  # a job's id is its key here
        if scope == "var":
            variable, *path = rest.split(".")
            if variable not in self._values:
                raise BundleError(
                    f"${{{name}}}: variable {variable!r} is not declared, or has no value in target "
                    f"{self.target}; add it in databricks.yml"
                )
            found = self.resolve(self._values[variable], (*within, name))
        else:
            workspace = {**self._config.section("workspace"), "current_user": USER}
            bundle = {**self._config.section("bundle"), "target": self.target}
            found, path = {"bundle": bundle, "workspace": workspace}.get(scope), rest.split(".")
        for part in path:
            if not isinstance(found, dict) or part not in found:
                raise BundleError(f"${{{name}}}: there is no {part!r}; correct the reference")
            found = found[part]
        return self.resolve(found, (*within, name))


def _file_of(place: str) -> str:
    return place.rpartition(":")[0]


def _without_variables(target: Mapping) -> Mapping:
    kept = {key: value for key, value in target.items() if key != "variables"}
    return Mapping(kept, target.place, target.places)


def _variable_values(config: Mapping, target: Mapping) -> dict:
    """Each variable's value: the target's, else its default. The catalog is the local one."""
    values = {}
    for name, variable in config.section("variables").items():
        if isinstance(variable, dict) and "default" in variable:
            values[name] = variable["default"]
    for name, value in target.section("variables").items():
        values[name] = value["default"] if isinstance(value, dict) and "default" in value else value
    if "catalog" in values:
        values["catalog"] = CATALOG
    return values
