"""Tasks of a job: their order, what they run on, and when.

The Databricks CLI's `bundle validate` and `bundle deploy` pass most of what is refused here.
"""

from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles
from local_workspace.yaml_files import MERGED_BY

COMPUTE = ("job_cluster_key", "existing_cluster_id", "new_cluster")


def no_key_is_given_twice(bundle: BundleFiles) -> Iterator[str]:
    """The CLI merges what has the same key, without a word."""
    for scope in bundle.yaml.scopes():
        jobs = scope.section("resources", "jobs")
        for job in jobs:
            for section, name in MERGED_BY.items():
                seen = set()
                for entry in jobs.section(job).entries(section):
                    if entry.name(name) in seen:
                        yield (
                            f"{entry.at(name)}: {name} {entry.name(name)} is given again in job {job}, and "
                            "the Databricks CLI merges the two; give each its own"
                        )
                    seen.add(entry.name(name))


def every_task_has_an_environment_of_its_job(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        for task in job.all_tasks:
            key, name = task.name("environment_key"), task.name("task_key")
            known = ", ".join(job.environments) or "none"
            if key and key not in job.environments:
                yield (
                    f"{task.at('environment_key')}: job {job.key} has no environment_key {key}; "
                    f"write one that it has: {known}"
                )
            elif not key and "notebook_task" in task and not any(kind in task for kind in COMPUTE):
                yield (
                    f"{task.place}: task {name} has no environment_key, so it runs without the pins; "
                    f"add one of {known}"
                )


def every_dependency_is_a_task_of_the_job(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        known = [task.name("task_key") for task in job.tasks]
        for task in job.tasks:
            for need in task.entries("depends_on"):
                if need.name("task_key") not in known:
                    yield (
                        f"{need.place}: task {task.get('task_key')} depends on {need.get('task_key')}, "
                        f"no task of job {job.key}; correct depends_on"
                    )


def no_tasks_wait_for_each_other(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        circle = [task for task in job.tasks if task.name("task_key") in job.before(task)]
        if circle:
            keys = ", ".join(str(task.name("task_key")) for task in circle)
            yield (
                f"{circle[0].at('depends_on')}: {keys} wait for each other, so none begins; "
                "correct depends_on"
            )


def nothing_runs_on_schedule_in_development(bundle: BundleFiles) -> Iterator[str]:
    """Left out, pause_status is PAUSED in development and UNPAUSED elsewhere."""
    developing = [name for name, target in bundle.targets.items() if target.get("mode") == "development"]
    for name in developing:
        presets = bundle.targets[name].section("presets")
        if presets.get("trigger_pause_status") == "UNPAUSED":
            yield (
                f"{presets.at('trigger_pause_status')}: trigger_pause_status of target {name} is UNPAUSED, "
                "so every developer's jobs run by themselves; remove that line"
            )
    for job in bundle.jobs:
        for kind in ("schedule", "trigger", "continuous"):
            settings = job.settings.section(kind)
            if job.target in developing and settings.get("pause_status") == "UNPAUSED":
                yield (
                    f"{settings.at('pause_status')}: pause_status UNPAUSED makes every developer's copy of "
                    f"{job.key} run by itself; remove that line, staging and prod run without it"
                )


RULES = (
    no_key_is_given_twice,
    every_task_has_an_environment_of_its_job,
    every_dependency_is_a_task_of_the_job,
    no_tasks_wait_for_each_other,
    nothing_runs_on_schedule_in_development,
)
