"""Which notebooks reach the workspace.

https://docs.databricks.com/aws/en/dev-tools/bundles/settings#sync
"""

from collections.abc import Iterator

from pathspec import GitIgnoreSpec

from local_workspace.bundle_files import BundleFiles
from local_workspace.notebook_files import HEADER
from local_workspace.yaml_files import texts


def every_notebook_of_a_task_is_uploaded(bundle: BundleFiles) -> Iterator[str]:
    """It exists, is recognized as a notebook, and is not kept back by .gitignore or sync."""
    filters = Filters(bundle)
    for _, task, notebook in bundle.notebook_tasks:
        if not notebook.exists:
            place = task.at("notebook_task", "notebook_path")
            yield f"{place}: there is no notebook {notebook.name}; correct notebook_path"
        elif not notebook.name.endswith(".py"):
            yield f"{notebook.at(1)}: the rules read notebooks in .py form only; save it as a source file"
        elif notebook.text.partition("\n")[0].rstrip() != HEADER:
            yield f"{notebook.at(1)}: it is no notebook to Databricks; make {HEADER!r} its first line"
        elif pattern := filters.keep_back(notebook.name):
            yield f"{pattern} keeps notebook {notebook.name} from being uploaded; narrow it"


class Filters:
    """The bundle's .gitignore and sync."""

    def __init__(self, bundle: BundleFiles):
        gitignore = bundle.root / ".gitignore"
        lines = gitignore.read_text(encoding="utf-8").splitlines() if gitignore.exists() else []
        self.ignored = [(f".gitignore:{number}", line) for number, line in enumerate(lines, start=1)]
        sync = [scope.section("sync") for scope in bundle.yaml.scopes()]
        self.excluded, self.included, self.paths = (
            [found for part in sync for found in texts(part.items_of(key))]
            for key in ("exclude", "include", "paths")
        )

    def keep_back(self, name: str) -> str:
        """What keeps a file from being uploaded, with its place; empty if nothing does."""
        if pattern := last_match(name, self.excluded):
            return pattern
        folders = [path.strip("./") for _, path in self.paths]
        if folders and not any(name.startswith(f"{folder}/") or not folder for folder in folders):
            return f"{self.paths[0][0]}: sync.paths"
        return "" if last_match(name, self.included) else last_match(name, self.ignored)


def last_match(name: str, patterns: list[tuple[str, str]]) -> str:
    """The pattern that takes a file, as git reads them, with its place; empty if none does."""
    found = GitIgnoreSpec.from_lines(text for _, text in patterns).check_file(name)
    return ": ".join(patterns[found.index]) if found.include else ""


RULES = (every_notebook_of_a_task_is_uploaded,)
