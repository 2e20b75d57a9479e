"""Tasks of a job: their order, what they run on, what they hand on, when they run.

The Databricks CLI's `bundle validate` and `bundle deploy` pass most of what is refused here.
"""

import re
from collections.abc import Iterator

from rules.bundle_files import BundleFiles, Job, depends_on, strings

REFERENCE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
SCOPES = ("job", "task", "tasks", "workspace", "backfill", "input")
COMPUTE = ("job_cluster_key", "existing_cluster_id", "new_cluster")
DEFINED = [f"dbutils.widgets.{kind}" for kind in ("text", "dropdown", "combobox", "multiselect")]
NAMED_LISTS = {"tasks": "task_key", "environments": "environment_key", "parameters": "name"}


def no_key_is_given_twice(bundle: BundleFiles) -> Iterator[str]:
    """The CLI merges what has the same key, without a word."""
    for file, scope in bundle.scopes():
        for job, settings in ((scope.get("resources") or {}).get("jobs") or {}).items():
            for section, name in NAMED_LISTS.items():
                keys = [item.get(name) for item in (settings or {}).get(section) or []]
                for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
                    yield (
                        f"{file}, job {job}: {name} {key} is given {keys.count(key)} times, which the "
                        "Databricks CLI merges into one; give each its own"
                    )


def every_task_has_an_environment_of_its_job(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        for task in job.all_tasks:
            key = task.get("environment_key")
            known = ", ".join(job.environments) or "none"
            if key is not None and key not in job.environments:
                yield f"{job.at(task)}: the job has no environment_key {key}; write one that it has: {known}"
            elif key is None and "notebook_task" in task and not any(name in task for name in COMPUTE):
                yield f"{job.at(task)}: without environment_key it runs without the pins; add one of {known}"


def every_dependency_is_a_task_of_the_job(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        known = [task.get("task_key") for task in job.tasks]
        for task in job.tasks:
            for key in depends_on(task):
                if key not in known:
                    yield f"{job.at(task)}: it depends on {key}, no task of this job; correct depends_on"


def no_tasks_wait_for_each_other(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        circle = [task for task in job.tasks if task.get("task_key") in job.before(task)]
        if circle:
            keys = ", ".join(task["task_key"] for task in circle)
            yield f"{job.at(circle[0])}: {keys} wait for each other, so none begins; correct depends_on"


def every_dynamic_reference_leads_somewhere(bundle: BundleFiles) -> Iterator[str]:
    """`{{job.parameters.…}}` to a parameter of the job, `{{tasks.…}}` to a task that ends before."""
    for job in bundle.jobs:
        for task in job.tasks:
            for text in strings(task):
                for reference in REFERENCE.findall(text):
                    if problem := lost(reference, job, task):
                        yield f"{job.at(task)}: {{{{{reference}}}}} {problem}"


def lost(reference: str, job: Job, task: dict) -> str:
    """What is wrong with a dynamic reference, and the remedy; empty if it leads somewhere."""
    scope, *path = reference.split(".")
    if scope not in SCOPES:
        return f"is no reference that Databricks knows; begin it with one of {', '.join(SCOPES)}"
    if scope == "job" and path[:1] == ["parameters"] and path[1:] not in [[name] for name in job.parameters]:
        return f"is no parameter of the job, which has {', '.join(job.parameters)}; correct it, or declare it"
    if scope == "tasks":
        if path[:1] not in [[other.get("task_key")] for other in job.tasks]:
            return "refers to no task of the job; correct its key"
        if path[0] not in job.before(task):
            return "refers to a task that need not have ended by then; add it to depends_on"
    return ""


def nothing_runs_on_schedule_in_development(bundle: BundleFiles) -> Iterator[str]:
    """Left out, pause_status is PAUSED in development and UNPAUSED elsewhere."""
    for name, target in bundle.targets.items():
        preset = (target.get("presets") or {}).get("trigger_pause_status")
        if target.get("mode") == "development" and preset == "UNPAUSED":
            yield f"databricks.yml, target {name}: trigger_pause_status is UNPAUSED; remove that line"
    for job in bundle.jobs:
        for kind in ("schedule", "trigger", "continuous"):
            status = (job.settings.get(kind) or {}).get("pause_status")
            if bundle.targets[job.target].get("mode") == "development" and status == "UNPAUSED":
                yield (
                    f"{job.place}: pause_status UNPAUSED makes every developer's copy run by itself; "
                    "remove that line, staging and prod run without it"
                )


def every_job_called_is_given_its_own_parameters(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        jobs = {f"${{resources.jobs.{j.key}.id}}": j for j in bundle.jobs if j.target == job.target}
        for task in job.all_tasks:
            called = task.get("run_job_task") or {}
            if other := jobs.get(called.get("job_id")):
                for name in called.get("job_parameters") or {}:
                    if name not in other.parameters:
                        yield (
                            f"{job.at(task)}: {name} is no parameter of job {other.key}, "
                            f"which has {', '.join(other.parameters)}; correct job_parameters"
                        )


def every_widget_is_given(bundle: BundleFiles) -> Iterator[str]:
    """A notebook that reads a widget nobody set fails at that line."""
    for job, task, notebook in bundle.notebook_tasks:
        given = {*job.parameters, *(task["notebook_task"].get("base_parameters") or {})}
        given |= {notebook.text_of(call.argument("name")) for call in notebook.called(*DEFINED)}
        for call in notebook.called("dbutils.widgets.get"):
            name = notebook.text_of(call.argument("name"))
            if name not in given and "{" not in name:
                yield (
                    f"{call.at}: widget {name} is read here but not given by {job.at(task)}; "
                    "add it to base_parameters there, or to the job's parameters"
                )


RULES = (
    no_key_is_given_twice,
    every_task_has_an_environment_of_its_job,
    every_dependency_is_a_task_of_the_job,
    no_tasks_wait_for_each_other,
    every_dynamic_reference_leads_somewhere,
    nothing_runs_on_schedule_in_development,
    every_job_called_is_given_its_own_parameters,
    every_widget_is_given,
)
