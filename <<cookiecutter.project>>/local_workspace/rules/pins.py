"""Every package pinned exactly, the same in every task, on laptops and in CI.

A model is loaded by the packages it was saved with, or it may not load, or predict something else.
"""

import sys
import tomllib
from collections import Counter
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from local_workspace.bundle_files import BundleFiles
from local_workspace.notebook_files import Notebook
from local_workspace.yaml_files import Mapping

WRITE = "write dependencies: ${var.ml_dependencies}"
WRITE_VERSION = "write environment_version: ${var.environment_version}"
PACKAGE_OF = {"sklearn": "scikit-learn", "imblearn": "imbalanced-learn", "yaml": "pyyaml", "PIL": "pillow"}
SAME_MODULE = {"xgboost": "xgboost-cpu"}
OF_THE_ENVIRONMENT = {"databricks", "delta", "IPython", "matplotlib", "pyspark"}  # and in no saved model


def environments(bundle: BundleFiles) -> Iterator[tuple[str, str, Mapping]]:
    """The environments of all jobs: which target, the job's key, what it says."""
    for job in bundle.jobs:
        for spec in job.environments.values():
            yield job.target, job.key, spec


def requirements(spec: Mapping) -> Iterator[tuple[str, object, Requirement | None]]:
    """What an environment lists: its place, how it is written, how it reads; a wheel or a list does not."""
    dependencies = spec.items_of("dependencies")
    for index, item in enumerate(dependencies):
        try:
            yield dependencies.at(index), item, Requirement(str(item))
        except InvalidRequirement:
            yield dependencies.at(index), item, None


def pinned(requirement: Requirement | None) -> str:
    """The one version that a requirement allows; empty if it is none or more."""
    only = list(requirement.specifier) if requirement else []
    exact = len(only) == 1 and only[0].operator == "==" and "*" not in only[0].version
    return only[0].version if exact else ""


def pins(spec: Mapping) -> dict[str, tuple[str, str]]:
    """Version and place by package, of those that an environment pins exactly."""
    listed = [(place, found) for place, _, found in requirements(spec) if pinned(found)]
    return {canonicalize_name(found.name): (pinned(found), place) for place, found in listed}


def every_environment_has_a_version(bundle: BundleFiles) -> Iterator[str]:
    for _, key, spec in environments(bundle):
        version = spec.get("environment_version") or "missing"
        if not str(version).isdigit():
            place = spec.at("environment_version")
            yield f"{place}: environment_version of {key} is {version}; {WRITE_VERSION}, a whole number"


def every_package_is_pinned_exactly(bundle: BundleFiles) -> Iterator[str]:
    for _, key, spec in environments(bundle):
        if not spec.items_of("dependencies"):
            place = spec.at("dependencies")
            yield f"{place}: {key} has no list of dependencies, so nothing is pinned; {WRITE}"
        for place, item, requirement in requirements(spec):
            if isinstance(item, list):
                yield f"{place}: the Databricks CLI drops a list within dependencies; {WRITE} alone"
            elif not str(item).endswith(".whl") and not pinned(requirement):
                yield f"{place}: {item} is no exact pin; write it as name==version"


def training_and_inference_have_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    """And all other jobs: one makes what another reads. What most of them have is taken to be right."""
    listed = [(target, spec) for target, _, spec in environments(bundle) if spec.items_of("dependencies")]
    frequency = Counter(versions(spec) for _, spec in listed)
    for target, spec in listed:
        same_target = [other for name, other in listed if name == target]
        usual = max(same_target, key=lambda other: frequency[versions(other)])
        here, there = (dict(versions(found)) for found in (spec, usual))
        differing = [
            f"{name} {here.get(name, 'missing')} in place of {there.get(name, 'missing')}"
            for name in sorted(here.keys() | there.keys())
            if here.get(name) != there.get(name)
        ]
        if differing:
            yield (
                f"{spec.place}: other packages than in {usual.place}, {', '.join(differing)}; "
                f"{WRITE} and environment_version: ${{var.environment_version}} in both"
            )


def versions(spec: Mapping) -> tuple[tuple[str, str], ...]:
    """What an environment has: its own version, and the versions it pins."""
    pinned_here = [(package, version) for package, (version, _) in sorted(pins(spec).items())]
    return ("environment_version", str(spec.get("environment_version"))), *pinned_here


def every_package_of_a_notebook_is_pinned(bundle: BundleFiles) -> Iterator[str]:
    """What a notebook imports, and what its model needs to predict, is pinned where its task runs."""
    known = known_packages(bundle)
    for job, task, notebook in bundle.notebook_tasks:
        spec = job.environments.get(task.name("environment_key"), Mapping())
        listed = {canonicalize_name(found.name) for _, _, found in requirements(spec) if found}
        for line, package in packages(notebook, local_modules(notebook, bundle, known)) if spec else []:
            if package not in listed and SAME_MODULE.get(package) not in listed:
                yield (
                    f"{notebook.at(line)}: {package} is not pinned for task {task.get('task_key')}; "
                    "add it as name==version to ml_dependencies in resources/ml/ml_environment.yml"
                )


def packages(notebook: Notebook, local: set[str]) -> Iterator[tuple[int, str]]:
    """The packages that a notebook needs, with the line that says so."""
    given = sys.stdlib_module_names | OF_THE_ENVIRONMENT | local
    for node, module, names in notebook.imports:
        root = module.split(".")[0]
        if root == "databricks":  # a folder that several packages share
            root = "-".join([*module.split("."), *names][:2])
        if root and root not in given:
            yield node.lineno, package_of(root)
    for value in notebook.assigned.get("PACKAGES", []):
        for item in getattr(value, "elts", []):
            yield item.lineno, canonicalize_name(notebook.text_of(item))


def package_of(module: str) -> str:
    return canonicalize_name(PACKAGE_OF.get(module, module))


def known_packages(bundle: BundleFiles) -> set[str]:
    return {package for _, _, spec in environments(bundle) for package in pins(spec)}


def local_modules(notebook: Notebook, bundle: BundleFiles, known: set[str]) -> set[str]:
    """What a notebook could only import from the bundle itself; `known` are packages."""
    folders = [folder for folder in notebook.path.parents if folder.is_relative_to(bundle.root)]
    names = {path.stem for folder in folders for path in folder.iterdir() if path.suffix in ("", ".py")}
    packaged = {name for name in names if {package_of(name), SAME_MODULE.get(name)} & known}
    return names - packaged - sys.stdlib_module_names - OF_THE_ENVIRONMENT


def laptops_and_ci_have_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    local = local_requirements(bundle)
    for _, _, spec in environments(bundle):
        for package, (version, place) in pins(spec).items():
            line, asked = local.get(package, (1, None))
            if not asked or pinned(asked) != version:
                here = str(asked.specifier) or "not pinned" if asked else "missing"
                yield (
                    f"pyproject.toml:{line}: {package} is {here}, but =={version} in {place}; "
                    "write the same pin in both"
                )


def local_requirements(bundle: BundleFiles) -> dict[str, tuple[int, Requirement]]:
    """What pyproject.toml asks for, by package, with the line."""
    text = (bundle.root / "pyproject.toml").read_text(encoding="utf-8")
    found = {}
    for asked in tomllib.loads(text)["project"].get("dependencies", []):
        line = text.count("\n", 0, text.find(asked)) + 1
        found[canonicalize_name(Requirement(asked).name)] = line, Requirement(asked)
    return found


def the_lock_has_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    """Where there is a lock."""
    lock = bundle.root / "uv.lock"
    if not lock.exists():
        return
    locked: dict[str, set[str]] = {}
    for package in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]:
        locked.setdefault(canonicalize_name(package["name"]), set()).add(package.get("version"))
    for package, (_, asked) in local_requirements(bundle).items():
        found = locked.get(package, set())
        if not found or (pinned(asked) and found != {pinned(asked)}):
            here = " and ".join(sorted(found)) or "missing"
            yield f"uv.lock:1: {package} is {here}, but pyproject.toml asks for {asked}; run uv lock"


RULES = (
    every_environment_has_a_version,
    every_package_is_pinned_exactly,
    training_and_inference_have_the_same_packages,
    every_package_of_a_notebook_is_pinned,
    laptops_and_ci_have_the_same_packages,
    the_lock_has_the_same_packages,
)
