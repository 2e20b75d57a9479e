"""The variables of a bundle: the value that each has in a target, and who gave it.

Stands for https://docs.databricks.com/aws/en/dev-tools/bundles/variables#precedence-order
"""

import csv
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local_workspace.bundle.yaml_files import Mapping, Placed, load
from local_workspace.errors import BundleError

OVERRIDES = ".databricks/bundle/{target}/variable-overrides.json"
DEFINITIONS = (  # what a target's variable has if it is no value, but a definition
    {"default"},
    {"lookup"},
    {"default", "type"},
    {"default", "description"},
    {"lookup", "description"},
    {"default", "type", "description"},
)


@dataclass(frozen=True)
class Variable:
    """A variable's `value`, and the `place` that gives it: file and line, or an option.

    `outside` names the source if that is not the bundle's YAML; a `lookup` has no value here.
    """

    value: Any
    place: str
    outside: str = ""
    lookup: bool = False


def written(declared: Mapping, own: Mapping) -> dict[str, Variable]:
    """What the YAML says: the target's value, else the default."""
    found = {}
    for name in declared:
        definition = declared.section(name)
        target = _definition(own, name)
        default = target if target.get("default") is not None else definition
        if "lookup" in definition or "lookup" in target:
            found[name] = Variable(None, declared.at(name), lookup=True)
        elif default.get("default") is not None:
            found[name] = Variable(default["default"], default.at("default"))
    return found


def given(root: Path, target: str, declared: Mapping, options: Iterable[str]) -> dict[str, Variable]:
    """What is given from outside: by --var, by BUNDLE_VAR_name, by the file of overrides, in this order."""
    found = _overrides(root, target, declared)
    for name in declared:
        if (asked := f"BUNDLE_VAR_{name}") in os.environ:
            found[name] = Variable(os.environ[asked], asked, asked)
    found |= _options(options, declared)
    for name, variable in found.items():
        is_complex = declared.section(name).get("type") == "complex"
        if isinstance(variable.value, Placed) != is_complex:
            kind = "a list or a mapping" if is_complex else "text"
            file = OVERRIDES.format(target=target)
            raise BundleError(f"{variable.place}: variable {name} takes {kind}; give it in {file}")
    return found


def require_values(declared: Mapping, own: Mapping, variables: dict[str, Variable], target: str) -> None:
    """Raises where a variable has no value, or a value has no variable."""
    for name in own:
        if name not in declared:
            problem = f"variable {name} is not declared"
            raise BundleError(f"{own.at(name)}: {problem}; declare it, or correct its name")
    for name in declared:
        if name not in variables:
            problem = f"variable {name} has no value in target {target}"
            raise BundleError(f"{declared.at(name)}: {problem}; add one, or give it by --var {name}=VALUE")


def _definition(own: Mapping, name: str) -> Mapping:
    """What a target says of a variable, in full."""
    said = own.get(name)
    if said is None:
        return Mapping()
    if isinstance(said, Mapping) and set(said) in DEFINITIONS:
        return said
    return Mapping({"default": said}, places={"default": own.at(name)})


def _options(options: Iterable[str], declared: Mapping) -> dict[str, Variable]:
    """The values of --var; the CLI splits each at its commas."""
    found: dict[str, Variable] = {}
    for assignment in [part for option in options for part in next(csv.reader([option]), [])]:
        name, equals, value = assignment.partition("=")
        if not equals:
            remedy = "write name=value, and '\"name=a,b\"' where there is a comma"
            raise BundleError(f"--var: {assignment} gives no value; {remedy}")
        if name not in declared:
            raise BundleError(f"--var: there is no variable {name}; declare it, or correct its name")
        if name in found:
            raise BundleError(f"--var: {name} is given twice; give it once")
        found[name] = Variable(value, "--var", "--var")
    return found


def _overrides(root: Path, target: str, declared: Mapping) -> dict[str, Variable]:
    """The values of the file of overrides."""
    name = OVERRIDES.format(target=target)
    file = root / name
    if not file.exists():
        return {}
    try:
        text = file.read_text(encoding="utf-8")
        json.loads(text)
        content = load(text, name)
    except (ValueError, yaml.YAMLError) as error:
        raise BundleError(f"{name}:{getattr(error, 'lineno', 1)}: it is no JSON; correct it") from None
    if not isinstance(content, Mapping):
        raise BundleError(f"{name}:1: it is no JSON object of names to values; correct it")
    known = [variable for variable in declared if content.get(variable) is not None]
    return {variable: Variable(content[variable], content.at(variable), name) for variable in known}
