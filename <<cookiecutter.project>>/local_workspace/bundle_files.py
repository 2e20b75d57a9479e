"""The bundle's files as the rules read them: jobs as each target resolves them, and notebooks.

Stands for what `databricks bundle deploy` would send to the workspace.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from local_workspace.bundle import Bundle
from local_workspace.notebook_files import HEADER, Notebook
from local_workspace.yaml_files import Mapping, YamlFiles


@dataclass(frozen=True)
class Job:
    """A job as one target deploys it."""

    key: str
    target: str
    settings: Mapping

    @property
    def tasks(self) -> list[Mapping]:
        return self.settings.entries("tasks")

    @property
    def keys(self) -> list[str]:
        return [task.name("task_key") for task in self.tasks]

    @property
    def all_tasks(self) -> list[Mapping]:
        """With the tasks that a for_each_task repeats."""
        repeated = [task.section("for_each_task", "task") for task in self.tasks]
        return self.tasks + [task for task in repeated if task]

    @property
    def parameters(self) -> list[str]:
        return [parameter.name("name") for parameter in self.settings.entries("parameters")]

    @property
    def environments(self) -> dict[str, Mapping]:
        """What each environment_key stands for."""
        listed = self.settings.entries("environments")
        return {environment.name("environment_key"): environment.section("spec") for environment in listed}

    @property
    def clusters(self) -> dict[str, Mapping]:
        """What each job_cluster_key stands for."""
        listed = self.settings.entries("job_clusters")
        return {cluster.name("job_cluster_key"): cluster.section("new_cluster") for cluster in listed}

    def before(self, task: Mapping) -> set[str]:
        """Keys of the tasks that have ended when this one begins."""
        needs = {other.name("task_key"): depends_on(other) for other in self.tasks}
        repeating = [other for other in self.tasks if other.section("for_each_task", "task") is task]
        found, waiting = set(), depends_on(repeating[0] if repeating else task)
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
        self.yaml = YamlFiles(root)
        self._notebooks: dict[str, Notebook] = {}

    @property
    def targets(self) -> dict[str, Mapping]:
        targets = self.yaml.config.section("targets")
        return {name: targets.section(name) for name in targets}

    @cached_property
    def jobs(self) -> list[Job]:
        """The jobs of every target."""
        names = self.targets or ["default"]
        bundles = [Bundle(self.root, name, self.yaml, lenient=True) for name in names]
        return [Job(key, bundle.target, job) for bundle in bundles for key, job in bundle.jobs.items()]

    @property
    def tasks(self) -> list[tuple[Job, Mapping]]:
        return [(job, task) for job in self.jobs for task in job.all_tasks]

    @cached_property
    def notebook_tasks(self) -> list[tuple[Job, Mapping, Notebook]]:
        """Every task that runs a notebook of this bundle, whether that exists or not."""
        found = []
        for job, task in self.tasks:
            path = task.section("notebook_task").name("notebook_path")
            if path and not path.startswith("/"):  # which is one of the workspace
                file = task.at("notebook_task", "notebook_path").rpartition(":")[0]
                name = os.path.normpath(os.path.join(os.path.dirname(file), path))
                found.append((job, task, self.notebook(name)))
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

    @property
    def training_notebooks(self) -> list[Notebook]:
        return [notebook for notebook in self.notebooks if notebook.trains and notebook.tree.body]


def depends_on(task: Mapping) -> list[str]:
    return [need.name("task_key") for need in task.entries("depends_on")]


def parameters(task: Mapping) -> Mapping:
    """What a task gives its notebook."""
    return task.section("notebook_task", "base_parameters")
