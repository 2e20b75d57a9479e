"""The bundle as a whole: what is read, what is uploaded, and which names its targets know."""

import re
from collections.abc import Iterator

from local_workspace.bundle import REFERENCE
from rules.bundle_files import BundleFiles
from rules.notebook_files import HEADER


def every_yaml_file_can_be_read(bundle: BundleFiles) -> Iterator[str]:
    for file in bundle.yaml:
        if file in bundle.unreadable:
            yield f"{bundle.unreadable[file]}: from here on it is no YAML; correct it"


def every_include_finds_files(bundle: BundleFiles) -> Iterator[str]:
    for pattern in bundle.yaml["databricks.yml"].get("include") or []:
        if not list(bundle.root.glob(pattern)):
            yield f"databricks.yml: include {pattern} matches no file; correct or remove it"


def every_resource_file_is_included(bundle: BundleFiles) -> Iterator[str]:
    for path in sorted(bundle.root.glob("resources/**/*.y*ml")):
        name = path.relative_to(bundle.root).as_posix()
        if name not in bundle.yaml:
            yield f"{name}: no include of databricks.yml matches it, so it is not deployed; add it there"


def every_target_has_a_mode(bundle: BundleFiles) -> Iterator[str]:
    for name, target in bundle.targets.items():
        if target.get("mode") not in ("development", "production"):
            yield (
                f"databricks.yml, target {name}: mode is {target.get('mode', 'missing')}; "
                "write mode: development or mode: production"
            )


def every_reference_leads_somewhere(bundle: BundleFiles) -> Iterator[str]:
    """`${var.…}` to a variable, `${resources.…}` to a resource; the CLI knows the others."""
    variables = bundle.config.get("variables") or {}
    resources = {
        (kind, key)
        for _, scope in bundle.scopes()
        for kind, found in (scope.get("resources") or {}).items()
        for key in found or {}
    }
    for place, match in bundle.lines(REFERENCE):
        scope, *path = match[1].split(".")
        if scope == "var" and path[0] not in variables:
            yield (
                f"{place}: {match[0]} is not defined; correct the name, "
                "or declare it under variables in databricks.yml"
            )
        if scope == "resources" and tuple(path[:2]) not in resources:
            yield f"{place}: {match[0]} is no resource of this bundle; correct the name"


def every_variable_has_a_value_in_every_target(bundle: BundleFiles) -> Iterator[str]:
    for name, variable in (bundle.config.get("variables") or {}).items():
        if isinstance(variable, dict) and ("default" in variable or "lookup" in variable):
            continue
        for target, settings in bundle.targets.items():
            if name not in (settings.get("variables") or {}):
                yield (
                    f"databricks.yml, target {target}: variable {name} has no value there and no default; "
                    "give it one of the two"
                )


def no_experiment_is_defined_in_the_bundle(bundle: BundleFiles) -> Iterator[str]:
    """Its name would get a prefix in dev, so notebooks would write to another experiment."""
    for file, scope in bundle.scopes():
        for name in (scope.get("resources") or {}).get("experiments") or {}:
            yield (
                f"{file}: experiment {name} is defined in the bundle, which doubles it as [dev user] {name}; "
                "remove it, the notebook creates /Shared/{project}_ml_{model_name}"
            )


def every_notebook_of_a_task_is_uploaded(bundle: BundleFiles) -> Iterator[str]:
    """It exists, is recognized as a notebook, and is not kept back by .gitignore or sync."""
    for job, task, notebook in bundle.notebook_tasks:
        if not notebook.exists:
            yield f"{job.at(task)}: notebook {notebook.name} does not exist; correct notebook_path"
        elif not notebook.name.endswith(".py"):
            yield f"{notebook.name}: the rules read notebooks in .py form only; save it as a source file"
        elif notebook.text.partition("\n")[0].rstrip() != HEADER:
            yield f"{notebook.name}:1: it is no notebook to Databricks; make {HEADER!r} its first line"
        elif pattern := kept_back_by(notebook.name, bundle):
            yield (
                f"{job.at(task)}: {pattern} keeps notebook {notebook.name} from being uploaded; "
                "narrow that pattern"
            )


def kept_back_by(name: str, bundle: BundleFiles) -> str:
    """The pattern that keeps a file from being uploaded, with where it stands; empty if none does."""
    sync = [scope.get("sync") or {} for _, scope in bundle.scopes()]
    included = [pattern for part in sync for pattern in part.get("include") or []]
    excluded = [pattern for part in sync for pattern in part.get("exclude") or []]
    paths = [path.strip("./") for part in sync for path in part.get("paths") or []]
    if pattern := last_match(name, excluded):
        return f"{pattern} of sync.exclude"
    if paths and not any(name.startswith(f"{path}/") or not path for path in paths):
        return "sync.paths"
    gitignore = bundle.root / ".gitignore"
    ignored = gitignore.read_text(encoding="utf-8").splitlines() if gitignore.exists() else []
    pattern = last_match(name, [line.strip() for line in ignored if not line.startswith("#")])
    return f"{pattern} of .gitignore" if pattern and not last_match(name, included) else ""


def last_match(name: str, patterns: list[str]) -> str:
    """The pattern that decides on a file, as git reads them; empty if the file is left alone."""
    matching = [pattern for pattern in patterns if pattern and as_regex(pattern.lstrip("!")).fullmatch(name)]
    return matching[-1] if matching and not matching[-1].startswith("!") else ""


def as_regex(pattern: str) -> re.Pattern:
    """A pattern of .gitignore: it matches a file, or a folder and so all that is in it."""
    anywhere = "/" not in pattern.rstrip("/") or pattern.startswith("**/")
    body = re.escape(pattern.strip("/").removeprefix("**/")).replace(r"\?", "[^/]")
    body = body.replace(r"/\*\*/", "/(.*/)?").replace(r"\*\*", ".*")
    body = re.sub(r"(?<!\.)\\\*", "[^/]*", body)
    return re.compile(("(.*/)?" if anywhere else "") + body + ("/.*" if pattern.endswith("/") else "(/.*)?"))


RULES = (
    every_yaml_file_can_be_read,
    every_include_finds_files,
    every_resource_file_is_included,
    every_target_has_a_mode,
    every_reference_leads_somewhere,
    every_variable_has_a_value_in_every_target,
    no_experiment_is_defined_in_the_bundle,
    every_notebook_of_a_task_is_uploaded,
)
