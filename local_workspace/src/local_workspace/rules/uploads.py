"""Which notebooks reach the workspace.

https://docs.databricks.com/aws/en/dev-tools/bundles/settings#sync
"""

from collections.abc import Iterator

from pathspec import GitIgnoreSpec

from local_workspace.bundle.bundle import HEADER
from local_workspace.bundle.yaml_files import texts
from local_workspace.rules.bundle_files import BundleFiles


def every_notebook_of_a_task_is_uploaded(bundle: BundleFiles) -> Iterator[str]:
    """It exists, is recognized as a notebook, and is not kept back by .gitignore or sync."""
    sync = _patterns(bundle)
    for _, task, notebook in bundle.notebook_tasks:
        if not notebook.exists:
            place = task.at("notebook_task", "notebook_path")
            yield f"{place}: there is no notebook {notebook.name}; correct notebook_path"
        elif not notebook.name.endswith(".py"):
            yield f"{notebook.at(1)}: the rules read notebooks in .py form only; save it as a source file"
        elif notebook.text.partition("\n")[0].rstrip() != HEADER:
            yield f"{notebook.at(1)}: it is no notebook to Databricks; make {HEADER!r} its first line"
        elif pattern := _keeps_back(notebook.name, **sync):
            yield f"{pattern} keeps notebook {notebook.name} from being uploaded; narrow it"


def _patterns(bundle: BundleFiles) -> dict[str, list[tuple[str, str]]]:
    """The lines of .gitignore and what sync says, each with its place."""
    file = bundle.root / ".gitignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = {"gitignore": [(f".gitignore:{number}", line) for number, line in enumerate(lines, start=1)]}
    for key in ("exclude", "include", "paths"):
        found[key] = [
            text for scope in bundle.yaml.scopes() for text in texts(scope.section("sync").get(key))
        ]
    return found


def _keeps_back(name: str, gitignore: list, exclude: list, include: list, paths: list) -> str:
    """The pattern that keeps a file from being uploaded, with its place; empty if none does."""
    folders = [path.strip("./") for _, path in paths]
    if folders and not any(name.startswith(f"{folder}/") or not folder for folder in folders):
        return f"{paths[0][0]}: sync.paths"
    return _match(name, exclude) or ("" if _match(name, include) else _match(name, gitignore))


def _match(name: str, patterns: list[tuple[str, str]]) -> str:
    """The last pattern that takes a file, as git reads them, with its place."""
    found = GitIgnoreSpec.from_lines(text for _, text in patterns).check_file(name)
    return ": ".join(patterns[found.index]) if found.include else ""
