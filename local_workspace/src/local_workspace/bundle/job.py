"""A job as one target deploys it: its tasks, what they wait for, run on and are given."""

from dataclasses import dataclass

from local_workspace.bundle.yaml_files import Mapping


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


def depends_on(task: Mapping) -> list[str]:
    return [need.name("task_key") for need in task.entries("depends_on")]


def parameters(task: Mapping) -> Mapping:
    """What a task gives its notebook."""
    return task.section("notebook_task", "base_parameters")
