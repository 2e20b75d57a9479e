"""Tasks of a job: their order, what they run on, when, and what they are given.

The Databricks CLI's `bundle validate` and `bundle deploy` pass most of what is refused here.
"""

from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles, Job, parameters
from local_workspace.references import REFERENCE, SCOPES, lost
from local_workspace.yaml_files import MERGED_BY, Mapping, texts

COMPUTE = {"job_cluster_key", "existing_cluster_id", "new_cluster"}
DEFINED = [f"dbutils.widgets.{kind}" for kind in ("text", "dropdown", "combobox", "multiselect")]


def no_key_is_given_twice(bundle: BundleFiles) -> Iterator[str]:
    """The CLI merges what has the same key, without a word."""
    for scope in bundle.yaml.scopes():
        for job in scope.section("resources", "jobs"):
            for section, name in MERGED_BY.items():
                seen = set()
                for entry in scope.section("resources", "jobs", job).entries(section):
                    key = entry.name(name)
                    if key in seen:
                        yield f"{entry.at(name)}: {name} {key} is given twice in {job}; give each its own"
                    seen.add(key)


def every_task_has_an_environment_of_its_job(bundle: BundleFiles) -> Iterator[str]:
    for job, task in bundle.tasks:
        key = task.name("environment_key")
        remedy = f"set it to one of: {', '.join(job.environments) or 'none'}"
        if key and key not in job.environments:
            yield f"{task.at('environment_key')}: {job.key} has no environment_key {key}; {remedy}"
        elif not key and "notebook_task" in task and not COMPUTE & task.keys():
            name = task.name("task_key")
            yield f"{task.place}: {name} has no environment_key, so it runs without the pins; {remedy}"


def every_task_waits_for_tasks_that_end(bundle: BundleFiles) -> Iterator[str]:
    for job, task in bundle.tasks:
        place, key = task.at("depends_on"), task.name("task_key")
        for need in task.entries("depends_on"):
            if (other := need.name("task_key")) not in job.keys:
                yield f"{need.place}: {key} waits for {other}, no task of {job.key}; correct depends_on"
        if key in job.before(task):
            yield f"{place}: {key} waits for itself in the end, so it never begins; correct depends_on"


def nothing_runs_on_schedule_in_development(bundle: BundleFiles) -> Iterator[str]:
    """Left out, pause_status is PAUSED in development and UNPAUSED elsewhere."""
    developing = [name for name, target in bundle.targets.items() if target.get("mode") == "development"]
    switches = [(bundle.targets[name].section("presets"), "trigger_pause_status") for name in developing]
    for job in bundle.jobs:
        if job.target in developing:
            kinds = ("schedule", "trigger", "continuous")
            switches += [(job.settings.section(kind), "pause_status") for kind in kinds]
    for settings, key in switches:
        if settings.get(key) == "UNPAUSED":
            problem = f"{key} UNPAUSED makes every developer's copy run by itself"
            yield f"{settings.at(key)}: {problem}; remove that line, staging and prod run without it"


def every_dynamic_reference_leads_somewhere(bundle: BundleFiles) -> Iterator[str]:
    """`{{job.parameters.…}}` to a parameter of the job, `{{tasks.…}}` to a task that ends before."""
    for job in bundle.jobs:
        for task in job.tasks:
            for place, text in texts(task):
                for reference in REFERENCE.findall(text):
                    if problem := _lost(reference, job, task):
                        yield f"{place}: {{{{{reference}}}}} {problem}"


def _lost(reference: str, job: Job, task: Mapping) -> str:
    """What is wrong with a dynamic reference, and the remedy; empty if it leads somewhere."""
    if reference.split(".")[0] not in SCOPES:
        return f"is no reference that Databricks knows; begin it with one of {', '.join(SCOPES)}"
    return lost(reference, job.parameters, job.keys, job.before(task))


def every_job_called_is_given_its_own_parameters(bundle: BundleFiles) -> Iterator[str]:
    for job, task in bundle.tasks:
        called = task.section("run_job_task")
        jobs = {f"${{resources.jobs.{j.key}.id}}": j for j in bundle.jobs if j.target == job.target}
        other = jobs.get(called.get("job_id"), job)
        for name in called.section("job_parameters") if other is not job else []:
            if name not in other.parameters:
                place, known = called.at("job_parameters", name), ", ".join(other.parameters)
                yield f"{place}: {name} is no parameter of {other.key}, which has {known}; correct it"


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
                place = task.at("notebook_task", "base_parameters")
                yield f"{call.at}: widget {name} gets no value; add it to base_parameters in {place}"
