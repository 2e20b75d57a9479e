"""Every package pinned exactly, the same in every task, on laptops and in CI.

A model is loaded by the packages it was saved with, or it may not load, or predict something else.
"""

import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from packaging.utils import canonicalize_name

from local_workspace.bundle.job import Job
from local_workspace.bundle.yaml_files import Mapping, Sequence, texts
from local_workspace.rules.bundle_files import BundleFiles
from local_workspace.rules.notebook_files import Notebook

FILE = "resources/ml/ml_environment.yml"
PROJECT = "pyproject.toml"
WRITE = "write dependencies: ${var.ml_dependencies}"
WRITE_LIBRARIES = "write libraries: ${var.ml_libraries}"
WRITE_VERSION = "environment_version: ${var.environment_version}"
PIN = re.compile(r"([\w.-]+)(?:\[.*\])?\s*==\s*([\w.+!]+)\s*(?:;.*)?")
PACKAGE_OF = {"sklearn": "scikit-learn", "imblearn": "imbalanced-learn", "yaml": "pyyaml", "PIL": "pillow"}
OF_THE_ENVIRONMENT = {"databricks", "delta", "IPython", "matplotlib", "pyspark"}  # and in no saved model
GIVEN = OF_THE_ENVIRONMENT | sys.stdlib_module_names


def _environments(bundle: BundleFiles) -> list[tuple[Job, Mapping]]:
    return [(job, spec) for job in bundle.jobs for spec in job.environments.values()]


def _libraries(bundle: BundleFiles) -> list[tuple[Job, Sequence]]:
    """What each task on a cluster installs."""
    found = [(job, task.items_of("libraries")) for job, task in bundle.tasks]
    return [(job, libraries) for job, libraries in found if libraries]


def _library_pins(libraries: Sequence) -> dict[str, str]:
    packages = [item.section("pypi").get("package") for item in libraries if isinstance(item, Mapping)]
    return dict(pin for package in packages for pin in _pin(package).items())


def _pin(text: object) -> dict[str, str]:
    """The version by the package; empty if it is no exact pin."""
    return _read_pin(str(text))


@cache
def _read_pin(text: str) -> dict[str, str]:
    match = PIN.fullmatch(text)
    return {canonicalize_name(match[1]): match[2]} if match else {}


def _pins(spec: Mapping) -> dict[str, str]:
    return dict(pin for item in spec.items_of("dependencies") for pin in _pin(item).items())


def every_environment_has_a_version(bundle: BundleFiles) -> Iterator[str]:
    for job, spec in _environments(bundle):
        version = spec.get("environment_version") or "missing"
        if not str(version).isdigit():
            place = f"{spec.at('environment_version')}: environment_version of {job.key}"
            yield f"{place} is {version}; write {WRITE_VERSION}, a whole number"


def every_package_is_pinned_exactly(bundle: BundleFiles) -> Iterator[str]:
    for job, spec in _environments(bundle):
        dependencies = spec.items_of("dependencies")
        if not dependencies:
            place = spec.at("dependencies")
            yield f"{place}: {job.key} has no list of dependencies, so nothing is pinned; {WRITE}"
        for index, item in enumerate(dependencies):
            if isinstance(item, list):
                yield f"{dependencies.at(index)}: the CLI drops a list within dependencies; {WRITE} alone"
            elif not str(item).endswith(".whl") and not _pin(item):
                yield f"{dependencies.at(index)}: {item} is no exact pin; write it as name==version"
    for _, libraries in _libraries(bundle):
        for index, item in enumerate(libraries):
            if not (isinstance(item, Mapping) and ("whl" in item or _library_pins(Sequence([item])))):
                problem = "this library is no exact pin"
                yield f"{libraries.at(index)}: {problem}; write it as pypi: {{package: name==version}}"


def training_and_inference_have_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    """And all other jobs: one makes what another reads. What most of them have is taken to be right."""
    specs = [(job.target, spec) for job, spec in _environments(bundle)]
    frequency = Counter(_packages(spec) for _, spec in specs)
    for target, spec in specs:
        same_target = [other for name, other in specs if name == target]
        usual = max(same_target, key=lambda other: frequency[_packages(other)])
        if differing := {name for name, _ in _packages(spec) ^ _packages(usual)}:
            other = f"other packages than in {usual.place}: {_listed(differing)}"
            yield f"{spec.place}: {other}; {WRITE} and {WRITE_VERSION} in both"
    named = _local_pins(bundle)
    for job, libraries in _libraries(bundle):
        pins = _library_pins(libraries).items()
        for spec in [spec for target, spec in specs if target == job.target]:
            asked = {(name, pin) for name, pin in _pins(spec).items() if name in named or not named}
            if differing := {name for name, _ in pins ^ asked}:
                other = f"other packages than in {spec.place}: {_listed(differing)}"
                yield f"{libraries.place}: {other}; {WRITE_LIBRARIES}, with the pins of ml_dependencies"
                break


def _listed(names: set[str]) -> str:
    """A few of them, and how many more there are."""
    first, more = sorted(names)[:7], len(names) - 7
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")


def _packages(spec: Mapping) -> frozenset[tuple[str, str]]:
    """What an environment has: the packages it pins, and its own version."""
    version = {"environment_version": str(spec.get("environment_version"))}
    return frozenset({**_pins(spec), **version}.items())


def every_package_of_a_notebook_is_pinned(bundle: BundleFiles) -> Iterator[str]:
    """What a notebook imports, and what its model needs to predict, is pinned where its task runs.

    So it imports nothing from the bundle; with %pip in place of an environment, only that is known.
    """
    own = {path.stem for path in bundle.root.glob("src/**/*")}
    everywhere = {package for _, spec in _environments(bundle) for package in _pins(spec)}
    for job, task, notebook in bundle.notebook_tasks:
        pinned = set(_pins(job.environments.get(task.name("environment_key"), Mapping())))
        pinned |= set(_library_pins(task.items_of("libraries")))
        for place, package in _needed(notebook):
            name = canonicalize_name(package)
            missing = not {name, f"{name}-cpu"} & (pinned or everywhere)
            if missing and (pinned or package in own):
                remedy = f"add it as name==version to ml_dependencies in {FILE}, or copy a helper of your own"
                yield f"{place}: {package} is not pinned; {remedy} into the notebook"


def _needed(notebook: Notebook) -> Iterator[tuple[str, str]]:
    """The packages that a notebook needs, each with the place that says so."""
    for node, module, names in notebook.imports:
        root, *path = module.split(".")
        if root == "databricks":  # a folder that several packages share
            root = "-".join([root, *path, *names][:2])
        if root and root not in GIVEN:
            yield notebook.at(node), PACKAGE_OF.get(root, root)
    for item in notebook.items_of("PACKAGES") or []:
        yield notebook.at(item), notebook.text_of(item)


def packages_names_what_a_model_is_made_of(bundle: BundleFiles) -> Iterator[str]:
    """What `new_model` takes from imports goes with the model, or it cannot be loaded elsewhere."""
    for notebook in dict.fromkeys(notebook for _, _, notebook in bundle.notebook_tasks):
        listed = notebook.items_of("PACKAGES")
        named = {canonicalize_name(notebook.text_of(item)).removesuffix("-cpu") for item in listed or []}
        for root, place in _made_of(notebook).items() if listed is not None else []:
            package = PACKAGE_OF.get(root, root)
            if root not in GIVEN and canonicalize_name(package) not in named:
                problem = f"new_model uses {package}, which is not in PACKAGES"
                yield f"{place}: {problem}; add it there, or the model cannot be loaded elsewhere"


def _made_of(notebook: Notebook) -> dict[str, str]:
    """The packages that `new_model` names, or a function or constant that it names, each with its import."""
    named: dict[str, ast.stmt] = dict(notebook.definitions)
    for statement in notebook.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                named[name] = statement
    origin = {}
    for node in notebook.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                module = node.module if isinstance(node, ast.ImportFrom) else alias.name
                name = alias.asname or alias.name.split(".")[0]
                origin[name] = (module or "").split(".")[0], notebook.at(node)
    found: dict[str, str] = {}
    waiting, seen = ["new_model"], set[str]()
    while waiting:
        for node in ast.walk(named.get(waiting.pop(), ast.Pass())):
            if isinstance(node, ast.Name) and node.id not in seen:
                seen.add(node.id)
                waiting.append(node.id)
                if package := origin.get(node.id, ("", ""))[0]:
                    found[package] = origin[node.id][1]
    return found


def laptops_and_ci_have_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    """The pins in pyproject.toml, and what they bring in uv.lock."""
    local, locked = _local_pins(bundle), _locked(bundle)
    for _, spec in _environments(bundle) if (bundle.root / PROJECT).exists() else []:
        for place, item in texts(spec.items_of("dependencies")):
            for package, version in _pin(item).items():
                file, remedy = PROJECT, "write the same pin in both"
                here, line = local.get(package, ("not pinned", 1))
                if package not in local and package in locked:
                    file, here, remedy = "uv.lock", locked[package], "run uv run local-workspace lock"
                if here != version:
                    yield f"{file}:{line}: {package} is {here}, but {version} in {place}; {remedy}"


def the_lock_has_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    locked = _locked(bundle)
    for package, (version, _) in _local_pins(bundle).items() if locked else []:
        if locked.get(package) != version:
            problem = f"{package} is {locked.get(package, 'missing')}"
            yield f"uv.lock:1: {problem}, but {version} in pyproject.toml; run uv lock"


def _locked(bundle: BundleFiles) -> dict[str, Any]:
    """The version of each package in uv.lock."""
    lock = bundle.root / "uv.lock"
    packages = tomllib.loads(lock.read_text(encoding="utf-8"))["package"] if lock.exists() else []
    return {canonicalize_name(package["name"]): package.get("version") for package in packages}


def _local_pins(bundle: BundleFiles) -> dict[str, tuple[str, int]]:
    """What pyproject.toml pins: version and line by package."""
    file, found = bundle.root / PROJECT, {}
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    for asked in tomllib.loads(text).get("project", {}).get("dependencies", []):
        for package, version in _pin(asked).items():
            found[package] = version, text.count("\n", 0, text.find(asked)) + 1
    return found
