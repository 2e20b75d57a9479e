"""What tasks are given: by references to other tasks, as parameters of a job, as widgets of a notebook."""

from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles, Job, parameters
from local_workspace.references import REFERENCE
from local_workspace.yaml_files import Mapping, texts

SCOPES = ("job", "task", "tasks", "workspace", "backfill", "input")
DEFINED = [f"dbutils.widgets.{kind}" for kind in ("text", "dropdown", "combobox", "multiselect")]


def every_dynamic_reference_leads_somewhere(bundle: BundleFiles) -> Iterator[str]:
    """`{{job.parameters.…}}` to a parameter of the job, `{{tasks.…}}` to a task that ends before."""
    for job in bundle.jobs:
        for task in job.tasks:
            for place, text in texts(task):
                for reference in REFERENCE.findall(text):
                    if problem := lost(reference, job, task):
                        yield f"{place}: {{{{{reference}}}}} {problem}"


def lost(reference: str, job: Job, task: Mapping) -> str:
    """What is wrong with a dynamic reference, and the remedy; empty if it leads somewhere."""
    scope, *path = reference.split(".")
    if scope not in SCOPES:
        return f"is no reference that Databricks knows; begin it with one of {', '.join(SCOPES)}"
    if scope == "job" and path[:1] == ["parameters"] and path[1:] not in [[name] for name in job.parameters]:
        return f"is no parameter of the job, which has {', '.join(job.parameters)}; correct it, or declare it"
    if scope == "tasks":
        if path[:1] not in [[other.name("task_key")] for other in job.tasks]:
            return "refers to no task of the job; correct its key"
        if path[0] not in job.before(task):
            return "refers to a task that need not have ended by then; add it to depends_on"
    return ""


def every_job_called_is_given_its_own_parameters(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        jobs = {f"${{resources.jobs.{j.key}.id}}": j for j in bundle.jobs if j.target == job.target}
        for task in job.all_tasks:
            called = task.section("run_job_task")
            if other := jobs.get(called.get("job_id")):
                for name in called.section("job_parameters"):
                    if name not in other.parameters:
                        yield (
                            f"{called.at('job_parameters', name)}: {name} is no parameter of job "
                            f"{other.key}, which has {', '.join(other.parameters)}; correct job_parameters"
                        )


def every_widget_is_given(bundle: BundleFiles) -> Iterator[str]:
    """By the job, or by a default of the notebook's own; an empty one is no value."""
    for job, task, notebook in bundle.notebook_tasks:
        given = {*job.parameters, *parameters(task)}
        for call in notebook.called(*DEFINED):
            if notebook.text_of(call.argument("defaultValue", 1)):
                given.add(notebook.text_of(call.argument("name")))
        for call in notebook.called("dbutils.widgets.get"):
            name = notebook.text_of(call.argument("name"))
            if name not in given and "{" not in name:
                yield (
                    f"{call.at}: widget {name} is read here, but not given by {task.get('task_key')} of "
                    f"{job.key}; add it to base_parameters in {task.at('notebook_task', 'base_parameters')}"
                )


RULES = (
    every_dynamic_reference_leads_somewhere,
    every_job_called_is_given_its_own_parameters,
    every_widget_is_given,
)
