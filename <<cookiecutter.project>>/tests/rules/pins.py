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
REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*([^;]*)")
VARIABLE = "dependencies: ${var.ml_dependencies}"
PACKAGE_OF = {"sklearn": "scikit-learn", "imblearn": "imbalanced-learn", "yaml": "pyyaml", "PIL": "pillow"}
OF_THE_ENVIRONMENT = {"pyspark", "delta", "matplotlib", "IPython"}  # and in no saved model


def normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def is_wheel(dependency) -> bool:
    return isinstance(dependency, str) and dependency.endswith(".whl")


def pins(dependencies) -> dict[str, str]:
    """Version by package, of those pinned exactly."""
    texts = [item for item in dependencies or [] if isinstance(item, str)]
    return {normal(match[1]): match[3] for text in texts if (match := EXACT.fullmatch(text))}


def environments(bundle: BundleFiles) -> Iterator[tuple[str, str, dict]]:
    """Each job's environments: the file, the job with the environment's key, the spec."""
    for job in bundle.jobs:
        for key, spec in job.environments.items():
            yield job.file, f"environment {key} of {job.key}", spec


def every_environment_has_a_version(bundle: BundleFiles) -> Iterator[str]:
    for file, environment, spec in environments(bundle):
        version = spec.get("environment_version")
        if not re.fullmatch(r"\d+", str(version)):
            yield (
                f"{file}, {environment}: environment_version is {version!r}, so the packages beneath the pins "
                "may change; write environment_version: ${var.environment_version}, a whole number"
            )


def every_package_is_pinned_exactly(bundle: BundleFiles) -> Iterator[str]:
    for file, environment, spec in environments(bundle):
        dependencies = spec.get("dependencies")
        if not dependencies or not isinstance(dependencies, list):
            yield f"{file}, {environment}: it has no dependencies, so nothing is pinned; write {VARIABLE}"
            continue
        for item in dependencies:
            if isinstance(item, list):
                yield (
                    f"{file}, {environment}: a list stands within dependencies, which the Databricks CLI drops "
                    f"without a word; write {VARIABLE} and add to the variable"
                )
            elif not is_wheel(item) and not EXACT.fullmatch(str(item)):
                place = bundle.line_of(str(item), f"{file}, {environment}")
                yield f"{place}: {item!r} is no exact pin; write the package as name==version"


def training_and_inference_have_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    """All jobs have: the feature job's packages write what the other two read."""
    first = {}
    for job in bundle.jobs:
        for key, spec in job.environments.items():
            theirs = pins(spec.get("dependencies"))
            version = str(spec.get("environment_version"))
            where, pinned, base = first.setdefault(job.target, (f"{key} of {job.key}", theirs, version))
            for package in sorted(theirs.keys() | pinned.keys()):
                if theirs.get(package) != pinned.get(package):
                    yield (
                        f"{job.file}, environment {key} of {job.key}: {package} is {described(theirs, package)}, "
                        f"but {described(pinned, package)} in {where}; write {VARIABLE} in both"
                    )
            if version != base:
                yield (
                    f"{job.file}, environment {key} of {job.key}: environment_version is {version}, but {base} "
                    f"in {where}; write environment_version: ${{var.environment_version}} in both"
                )


def described(pinned: dict[str, str], package: str) -> str:
    return pinned.get(package) or "missing"


def every_package_of_a_notebook_is_pinned(bundle: BundleFiles) -> Iterator[str]:
    """What a notebook imports, and what its model needs to predict, is pinned where its task runs."""
    for job, task, notebook in bundle.notebook_tasks():
        spec = job.environments.get(task.get("environment_key"))
        if spec is None:  # another rule
            continue
        pinned = pins(spec.get("dependencies"))
        for line, package in packages(notebook, bundle):
            if package not in pinned:
                yield (
                    f"{notebook.at(line)}: package {package} is not among the pins of task {task['task_key']}; "
                    "add it as name==version to ml_dependencies in resources/ml/ml_environment.yml"
                )


def packages(notebook: Notebook, bundle: BundleFiles) -> Iterator[tuple[int, str]]:
    """The packages that a notebook needs, with the line that says so."""
    for node, module, names in notebook.imports:
        root = module.split(".")[0]
        if root == "databricks":  # a namespace that several packages share
            root = "-".join([*module.split("."), *names][:2])
        if root and root not in sys.stdlib_module_names | OF_THE_ENVIRONMENT | local_modules(notebook, bundle):
            yield node.lineno, normal(PACKAGE_OF.get(root, root))
    for value in notebook.assigned.get("PACKAGES", []):
        for item in getattr(value, "elts", []):
            yield item.lineno, normal(notebook.text_of(item))


def local_modules(notebook: Notebook, bundle: BundleFiles) -> set[str]:
    """What Python could take for a module of the bundle itself, seen from a notebook."""
    folders = [bundle.root, *notebook.path.parents]
    folders = [folder for folder in folders if folder.is_relative_to(bundle.root)]
    found = {path for folder in folders for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}
    pinned = {name for _, _, spec in environments(bundle) for name in pins(spec.get("dependencies"))}
    names = {path.stem for path in found if normal(PACKAGE_OF.get(path.stem, path.stem)) not in pinned}
    return names - sys.stdlib_module_names - OF_THE_ENVIRONMENT


def laptops_and_ci_have_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    local = local_requirements(bundle)
    for file, environment, spec in environments(bundle):
        for package, version in pins(spec.get("dependencies")).items():
            if local.get(package) != f"=={version}":
                place = bundle.line_of(f"{package}==", f"{file}, {environment}")
                yield (
                    f"pyproject.toml: {package} is {local.get(package) or 'missing or not pinned'}, "
                    f"but =={version} in {place}; write the same pin in both, then run uv lock"
                )


def local_requirements(bundle: BundleFiles) -> dict[str, str]:
    """Version specifier by package, in pyproject.toml."""
    project = tomllib.loads((bundle.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [REQUIREMENT.match(text) for text in project.get("dependencies", [])]
    return {normal(match[1]): match[2].replace(" ", "") for match in found}


def the_lock_has_the_same_packages(bundle: BundleFiles) -> Iterator[str]:
    """Without a uv.lock there is nothing to compare."""
    lock = bundle.root / "uv.lock"
    if not lock.exists():
        return
    versions = {}
    for package in tomllib.loads(lock.read_text(encoding="utf-8")).get("package", []):
        versions.setdefault(normal(package["name"]), set()).add(package.get("version"))
    for package, specifier in local_requirements(bundle).items():
        locked = versions.get(package, set())
        if not locked or (specifier.startswith("==") and locked != {specifier[2:]}):
            has = " and ".join(sorted(locked)) or "missing"
            yield f"uv.lock: {package} is {has}, but pyproject.toml asks for {specifier or 'it'}; run uv lock"


RULES = (
    every_environment_has_a_version,
    every_package_is_pinned_exactly,
    training_and_inference_have_the_same_packages,
    every_package_of_a_notebook_is_pinned,
    laptops_and_ci_have_the_same_packages,
    the_lock_has_the_same_packages,
)
