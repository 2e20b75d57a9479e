"""The bundle's files, read once for all rules: YAML, jobs as each target resolves them, notebooks."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from local_workspace.bundle import Bundle, BundleError, merge
from rules.notebook_files import HEADER, Notebook

COMMENT = re.compile(r"(^|\s)#.*")


class Target(Bundle):
    """One target of the bundle; a reference that leads nowhere stays as it is, its own rule names it."""

    def __init__(self, bundle: "BundleFiles", name: str):
        self._bundle = bundle
        super().__init__(bundle.root, name)

    def _load(self) -> dict:
        for name, content in self._bundle.yaml.items():
            self._note_files(content, self.root / name)
        return dict(self._bundle.config)

    def _look_up(self, name: str):
        try:
            return f"${{{name}}}" if name.startswith("resources.") else super()._look_up(name)
        except BundleError:
            return f"${{{name}}}"


@dataclass(frozen=True)
class Job:
    """A job as one target deploys it."""

    file: str
    key: str
    target: str
    settings: dict

    @property
    def tasks(self) -> list[dict]:
        return self.settings.get("tasks") or []

    @property
    def all_tasks(self) -> list[dict]:
        """With the tasks that a for_each_task repeats."""
        repeated = [(task.get("for_each_task") or {}).get("task") for task in self.tasks]
        return self.tasks + [task for task in repeated if task]

    @property
    def parameters(self) -> list[str]:
        return [parameter.get("name") for parameter in self.settings.get("parameters") or []]

    @property
    def environments(self) -> dict[str, dict]:
        """What each environment_key stands for."""
        listed = self.settings.get("environments") or []
        return {environment.get("environment_key"): environment.get("spec") or {} for environment in listed}

    @property
    def place(self) -> str:
        return f"{self.file}, job {self.key}"

    def at(self, task: dict) -> str:
        return f"{self.file}, task {task.get('task_key')}"

    def before(self, task: dict) -> set[str]:
        """Keys of the tasks that have ended when this one begins."""
        needs = {other.get("task_key"): depends_on(other) for other in self.tasks}
        found, waiting = set(), depends_on(task)
        while waiting:
            key = waiting.pop()
            if key not in found:
                found.add(key)
                waiting = waiting + needs.get(key, [])
        return found


class BundleFiles:
    """A bundle's folder."""

    def __init__(self, root: Path):
        self.root = root
        self.unreadable = {}  # file: where it stops being YAML
        self._notebooks = {}

    @cached_property
    def yaml(self) -> dict[str, dict]:
        """The content of databricks.yml and of each file it includes."""
        main = self._read("databricks.yml")
        included = [path for pattern in main.get("include") or [] for path in sorted(self.root.glob(pattern))]
        names = dict.fromkeys(path.relative_to(self.root).as_posix() for path in included)
        return {"databricks.yml": main} | {name: self._read(name) for name in names}

    def _read(self, name: str) -> dict:
        try:
            content = yaml.load((self.root / name).read_text(encoding="utf-8"), yaml.CSafeLoader) or {}
        except (OSError, yaml.YAMLError) as error:
            mark = getattr(error, "problem_mark", None)
            self.unreadable[name] = f"{name}:{mark.line + 1}" if mark else name
            return {}
        return content if isinstance(content, dict) else {}

    @cached_property
    def config(self) -> dict:
        """All YAML files as one, its targets apart."""
        merged = {}
        for content in self.yaml.values():
            merged = merge(merged, content)
        return merged

    @property
    def targets(self) -> dict[str, dict]:
        return {name: target or {} for name, target in (self.config.get("targets") or {}).items()}

    def scopes(self) -> Iterator[tuple[str, dict]]:
        """What each file says for all targets, and what it says for one of them."""
        for name, content in self.yaml.items():
            yield name, content
            for target in (content.get("targets") or {}).values():
                yield name, target or {}

    @cached_property
    def jobs(self) -> list[Job]:
        """The jobs of every target."""
        jobs = []
        for name in self.targets:
            target = Target(self, name)
            for key, settings in target.jobs.items():
                file = target.files[key].relative_to(self.root).as_posix()
                jobs.append(Job(file, key, name, settings))
        return jobs

    @cached_property
    def notebook_tasks(self) -> list[tuple[Job, dict, Notebook]]:
        """Every task that runs a notebook of this bundle, whether that exists or not."""
        found = []
        for job in self.jobs:
            for task in job.all_tasks:
                path = (task.get("notebook_task") or {}).get("notebook_path", "/")
                if not path.startswith("/"):  # which is one of the workspace
                    path = os.path.normpath((self.root / job.file).parent / path)
                    found.append((job, task, self.notebook(os.path.relpath(path, self.root))))
        return found

    def notebook(self, name: str) -> Notebook:
        if name not in self._notebooks:
            self._notebooks[name] = Notebook(self.root, name)
        return self._notebooks[name]

    @cached_property
    def notebooks(self) -> list[Notebook]:
        """The notebooks under src, and those that a task runs."""
        run = {notebook.name for _, _, notebook in self.notebook_tasks}
        below_src = {path.relative_to(self.root).as_posix() for path in self.root.glob("src/**/*.py")}
        found = [self.notebook(name) for name in sorted(run | below_src) if name.endswith(".py")]
        return [file for file in found if file.exists and (file.name in run or file.text.startswith(HEADER))]

    def lines(self, pattern: re.Pattern) -> Iterator[tuple[str, re.Match]]:
        """Each match in the YAML files, comments apart, with its file and line."""
        for name in self.yaml:
            if name not in self.unreadable:
                lines = (self.root / name).read_text(encoding="utf-8").splitlines()
                for number, line in enumerate(lines, start=1):
                    for match in pattern.finditer(COMMENT.sub("", line)):
                        yield f"{name}:{number}", match

    def line_of(self, text: str, otherwise: str) -> str:
        """File and line where a text first stands in the YAML files."""
        return next((line for line, _ in self.lines(re.compile(re.escape(text)))), otherwise)


def depends_on(task: dict) -> list[str]:
    return [need.get("task_key") for need in task.get("depends_on") or []]


def strings(value) -> Iterator[str]:
    """Every text within a value of YAML."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value
