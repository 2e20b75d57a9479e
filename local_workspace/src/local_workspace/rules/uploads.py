"""Which notebooks reach the workspace.

https://docs.databricks.com/aws/en/dev-tools/bundles/settings#sync
"""

from collections.abc import Iterable, Iterator

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


class _Patterns:
    """What keeps files back, or takes them: lines as git reads them, each with its place."""

    def __init__(self, lines: Iterable[tuple[str, str]]):
        self.lines = list(lines)
        self._spec = GitIgnoreSpec.from_lines(text for _, text in self.lines)

    def match(self, name: str) -> str:
        """The last line that takes a file, with its place; empty if none does."""
        found = self._spec.check_file(name)
        return ": ".join(self.lines[found.index]) if found.include and found.index is not None else ""


def _patterns(bundle: BundleFiles) -> dict[str, _Patterns]:
    """The lines of .gitignore and what sync says."""
    file = bundle.root / ".gitignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = {"gitignore": _Patterns((f".gitignore:{n}", line) for n, line in enumerate(lines, start=1))}
    for key in ("exclude", "include", "paths"):
        scopes = [scope.section("sync").get(key) for scope in bundle.yaml.scopes()]
        found[key] = _Patterns(text for said in scopes for text in texts(said))
    return found


def _keeps_back(
    name: str, gitignore: _Patterns, exclude: _Patterns, include: _Patterns, paths: _Patterns
) -> str:
    """The pattern that keeps a file from being uploaded, with its place; empty if none does."""
    folders = [path.strip("./") for _, path in paths.lines]
    if folders and not any(name.startswith(f"{folder}/") or not folder for folder in folders):
        return f"{paths.lines[0][0]}: sync.paths"
    return exclude.match(name) or ("" if include.match(name) else gitignore.match(name))
