"""`databricks.yml` and what it includes, resolved for one target.

Stands for the Databricks CLI's reading of a bundle:
https://docs.databricks.com/aws/en/dev-tools/bundles/variables
"""

import copy
import re
from pathlib import Path

import yaml

CATALOG = "spark_catalog"  # every target's catalog is this one here: Delta has no other
USER = {"userName": "local@example.com", "short_name": "local"}
REFERENCE = re.compile(r"\$\{([a-zA-Z_][\w.-]*)\}")
MERGED_BY = {"tasks": "task_key", "environments": "environment_key", "parameters": "name"}


class BundleError(Exception):
    """The bundle cannot be read; the message names the file or the variable, and the remedy."""


class Bundle:
    """One target of a bundle.

    `jobs` maps each job's key to its settings, as deployed: every `${...}` is resolved.
    `files` maps each job's key to the YAML file that defines it, which paths are relative to.
    """

    def __init__(self, root: Path, target: str):
        self.root = root
        self.target = target
        self.files = {}
        config = self._load()
        targets = config.pop("targets", {})
        if target not in targets:
            raise BundleError(
                f"target: there is no {target!r} in databricks.yml; it has {', '.join(targets)}"
            )
        own = targets[target] or {}
        config = merge(config, _without_variables(own))
        self._values = _variable_values(config, own)
        self._config = config
        self.jobs = {
            key: self.resolve(settings)
            for key, settings in ((config.get("resources") or {}).get("jobs") or {}).items()
        }

    def _load(self) -> dict:
        main = self.root / "databricks.yml"
        config = _read(main)
        self._note_files(config, main)
        for pattern in config.pop("include", []):
            found = sorted(self.root.glob(pattern))
            if not found:
                raise BundleError(
                    f"databricks.yml: include {pattern!r} matches no file; correct or remove it"
                )
            for path in found:
                part = _read(path)
                self._note_files(part, path)
                config = merge(config, part)
        return config

    def _note_files(self, part: dict, path: Path) -> None:
        """A job's file is the one that lists its tasks; another may override a setting of it."""
        for scope in [part, *(part.get("targets") or {}).values()]:
            jobs = ((scope or {}).get("resources") or {}).get("jobs") or {}
            for key, settings in jobs.items():
                if key not in self.files or "tasks" in (settings or {}):
                    self.files[key] = path

    def resolve(self, value):
        """`value` with every `${...}` in it replaced, as deeply as references go."""
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, str):
            return value
        if whole := REFERENCE.fullmatch(value):
            return self._look_up(whole[1])
        return REFERENCE.sub(lambda match: str(self._look_up(match[1])), value)

    def _look_up(self, name: str):
        scope, _, rest = name.partition(".")
        if scope == "var":
            variable, *path = rest.split(".")
            if variable not in self._values:
                raise BundleError(
                    f"${{{name}}}: there is no variable {variable!r}; declare it under variables"
                )
            found = self.resolve(self._values[variable])
            for part in path:
                if not isinstance(found, dict) or part not in found:
                    raise BundleError(f"${{{name}}}: variable {variable!r} has no {part!r}; correct the name")
                found = found[part]
            return found
        if scope == "resources":
            return rest.split(".")[1]  # a job's id is its key here
        known = {"bundle": {**self._config["bundle"], "target": self.target}, "workspace": self._workspace()}
        found = known.get(scope, {})
        for part in rest.split("."):
            if not isinstance(found, dict) or part not in found:
                raise BundleError(f"${{{name}}}: there is no such value; correct the reference")
            found = found[part]
        return found

    def _workspace(self) -> dict:
        return {**self._config.get("workspace", {}), "current_user": USER}


def merge(base, over):
    """`over` on top of `base`: mappings by key, lists of tasks and the like by their name, others added.

    Nothing, as of a key that is left empty, changes nothing.
    """
    if base is None or over is None:
        return base if over is None else over
    if isinstance(base, dict) and isinstance(over, dict):
        merged = copy.copy(base)
        for key, value in over.items():
            if key in MERGED_BY and isinstance(value, list) and key in merged:
                merged[key] = _merge_by_name(merged[key], value, MERGED_BY[key])
            else:
                merged[key] = merge(merged[key], value) if key in merged else value
        return merged
    if isinstance(base, list) and isinstance(over, list):
        return base + over
    return over


def _merge_by_name(base, over, name):
    merged = {item[name]: item for item in base}
    for item in over:
        merged[item[name]] = merge(merged[item[name]], item) if item[name] in merged else item
    return list(merged.values())


def _read(path: Path) -> dict:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise BundleError(f"{path}: there is no such file; run this in the bundle's folder") from None
    except yaml.YAMLError as error:
        raise BundleError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None


def _without_variables(target: dict) -> dict:
    return {key: value for key, value in target.items() if key != "variables"}


def _variable_values(config: dict, target: dict) -> dict:
    """Each variable's value: the target's, else its default. The catalog is the local one."""
    values = {}
    for name, variable in (config.get("variables") or {}).items():
        if isinstance(variable, dict) and "default" in variable:
            values[name] = variable["default"]
    for name, value in (target.get("variables") or {}).items():
        values[name] = value["default"] if isinstance(value, dict) and "default" in value else value
    if "catalog" in values:
        values["catalog"] = CATALOG
    return values
