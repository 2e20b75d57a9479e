"""The bundle's files as the rules read them: jobs as each target resolves them, and notebooks.

Stands for what `databricks bundle deploy` would send to the workspace.
"""

import os
from functools import cached_property
from pathlib import Path

from local_workspace.bundle.bundle import HEADER, Bundle
from local_workspace.bundle.job import Job
from local_workspace.bundle.yaml_files import Mapping, YamlFiles
from local_workspace.rules.notebook_files import Notebook


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
