"""Every package pinned exactly, the same in every task, on laptops and in CI.

A model is loaded by the packages it was saved with, or it may not load, or predict something else.
"""

import re
import sys
import tomllib
from collections.abc import Iterator

from rules.bundle_files import BundleFiles
from rules.notebook_files import Notebook

EXACT = re.compile(r"([A-Za-z0-9][\w.-]*)(\[[\w,-]+\])?==(\d[\w.]*)")
NAME = re.compile(r"([A-Za-z0-9][\w.-]*)")
REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*([^;]*)")
WRITE = "write dependencies: ${var.ml_dependencies}"
WRITE_VERSION = "write environment_version: ${var.environment_version}"
PACKAGE_OF = {"sklearn": "scikit-learn", "imblearn": "imbalanced-learn", "yaml": "pyyaml", "PIL": "pillow"}
OF_THE_ENVIRONMENT = {"databricks", "delta", "IPython", "matplotlib", "pyspark"}  # and in no saved model


def normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def pins(spec: dict) -> dict[str, str]:
    """Version by package, of those that an environment pins exactly."""
    texts = [item for item in spec.get("dependencies") or [] if isinstance(item, str)]
    return {normal(match[1]): match[3] for text in texts if (match := EXACT.fullmatch(text))}


def listed(spec: dict) -> set[str]:
    """The packages of an environment, pinned or not."""
    return {normal(match[1]) for item in spec.get("dependencies") or [] if (match := NAME.match(str(item)))}


def environments(bundle: BundleFiles) -> Iterator[tuple[str, str, dict]]:
    """The environments of all jobs: which target, where it stands, what it says."""
    for job in bundle.jobs:
        for key, spec in job.environments.items():
            yield job.target, f"{job.file}, environment {key} of {job.key}", spec


def every_environment_has_a_version(bundle: BundleFiles) -> Iterator[str]:
    for _, place, spec in environments(bundle):
        version = spec.get("environment_version")
        if not re.fullmatch(r"\d+", str(version)):
            yield f"{place}: environment_version is {version or 'missing'}; {WRITE_VERSION}, a whole number"


def every_package_is_pinned_exactly(bundle: BundleFiles) -> Iterator[str]:
    for _, place, spec in environments(bundle):
        dependencies = spec.get("dependencies")
        if not dependencies or not isinstance(dependencies, list):
            yield f"{place}: no list of dependencies, so nothing is pinned; {WRITE}"
            continue
        for item in dependencies:
            if isinstance(item, list):
                yield f"{place}: the Databricks CLI drops a list within dependencies; {WRITE} alone"
            elif not str(item).endswith(".whl") and not EXACT.fullmatch(str(item)):
                yield f"{bundle.line_of(str(item), place)}: {item} is no exact pin; write it as name==version"


def training_and_inference_have_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    """And all other jobs: features are made by one and read by the others."""
    first = {}
    for target, place, spec in environments(bundle):
        known_place, known = first.setdefault(target, (place, spec))
        ours, theirs = pins(spec), pins(known)
        for package in sorted(ours.keys() | theirs.keys()):
            here, there = (versions.get(package, "missing") for versions in (ours, theirs))
            if here != there:
                yield f"{place}: {package} is {here}, but {there} in {known_place}; {WRITE} in both"
        here, there = (found.get("environment_version") for found in (spec, known))
        if str(here) != str(there):
            yield f"{place}: environment {here}, but {there} in {known_place}; {WRITE_VERSION} in both"


def every_package_of_a_notebook_is_pinned(bundle: BundleFiles) -> Iterator[str]:
    """What a notebook imports, and what its model needs to predict, is pinned where its task runs."""
    for job, task, notebook in bundle.notebook_tasks:
        spec = job.environments.get(task.get("environment_key"))
        for line, package in packages(notebook, bundle) if spec else []:
            if package not in listed(spec):
                yield (
                    f"{notebook.at(line)}: {package} is not pinned for task {task['task_key']}; "
                    "add it as name==version to ml_dependencies in resources/ml/ml_environment.yml"
                )


def packages(notebook: Notebook, bundle: BundleFiles) -> Iterator[tuple[int, str]]:
    """The packages that a notebook needs, with the line that says so."""
    given = sys.stdlib_module_names | OF_THE_ENVIRONMENT | local_modules(notebook, bundle)
    for node, module, names in notebook.imports:
        root = module.split(".")[0]
        if root == "databricks":  # a folder that several packages share
            root = "-".join([*module.split("."), *names][:2])
        if root and root not in given:
            yield node.lineno, normal(PACKAGE_OF.get(root, root))
    for value in notebook.assigned.get("PACKAGES", []):
        for item in getattr(value, "elts", []):
            yield item.lineno, normal(notebook.text_of(item))


def local_modules(notebook: Notebook, bundle: BundleFiles) -> set[str]:
    """What a notebook could only import from the bundle itself."""
    folders = [folder for folder in notebook.path.parents if folder.is_relative_to(bundle.root)]
    names = {path.stem for folder in folders for path in folder.iterdir() if path.suffix in ("", ".py")}
    pinned = {package for _, _, spec in environments(bundle) for package in pins(spec)}
    packaged = {name for name in names if normal(PACKAGE_OF.get(name, name)) in pinned}
    return names - packaged - sys.stdlib_module_names - OF_THE_ENVIRONMENT


def laptops_and_ci_have_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    local = local_requirements(bundle)
    for _, place, spec in environments(bundle):
        for package, version in pins(spec).items():
            if local.get(package) != f"=={version}":
                here, there = local.get(package) or "missing", bundle.line_of(f"{package}==", place)
                differing = f"{package} is {here}, but =={version} in {there}"
                yield f"pyproject.toml: {differing}; write the same pin in both"


def local_requirements(bundle: BundleFiles) -> dict[str, str]:
    """Which versions of a package pyproject.toml asks for."""
    project = tomllib.loads((bundle.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [REQUIREMENT.match(text) for text in project.get("dependencies", [])]
    return {normal(match[1]): match[2].replace(" ", "") for match in found}


def the_lock_has_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    lock = bundle.root / "uv.lock"
    versions = {}
    for package in tomllib.loads(lock.read_text(encoding="utf-8"))["package"] if lock.exists() else []:
        versions.setdefault(normal(package["name"]), set()).add(package.get("version"))
    for package, asked in local_requirements(bundle).items() if lock.exists() else []:
        locked = versions.get(package, set())
        if not locked or (asked.startswith("==") and locked != {asked[2:]}):
            here = " and ".join(sorted(locked)) or "missing"
            yield f"uv.lock: {package} is {here}, but pyproject.toml asks for {package}{asked}; run uv lock"


RULES = (
    every_environment_has_a_version,
    every_package_is_pinned_exactly,
    training_and_inference_have_the_same_packages,
    every_package_of_a_notebook_is_pinned,
    laptops_and_ci_have_the_same_packages,
    the_lock_has_the_same_packages,
)
