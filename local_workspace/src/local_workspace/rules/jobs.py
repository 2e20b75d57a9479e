"""Tasks of a job: their order, what they run on, when, and what they are given.

The Databricks CLI's `bundle validate` and `bundle deploy` pass most of what is refused here.
"""

from collections.abc import Iterator

from local_workspace.bundle.job import Job, parameters
from local_workspace.bundle.yaml_files import MERGED_BY, Mapping, texts
from local_workspace.jobs.references import REFERENCE, SCOPES, lost
from local_workspace.rules.bundle_files import BundleFiles

CLUSTERS = {"job_cluster_key", "existing_cluster_id", "new_cluster"}
DEDICATED = ("DATA_SECURITY_MODE_DEDICATED", "SINGLE_USER")  # the second is its legacy name
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
        remedy = f"set it to one of: {', '.join(job.environments)}"
        if not job.environments:
            given = f"environment_key: {key or 'default'}, dependencies: ${{var.ml_dependencies}}"
            remedy = f"give the job environments with {given}" + ("" if key else ", and the task that key")
        if key and key not in job.environments:
            yield f"{task.at('environment_key')}: {job.key} has no environment_key {key}; {remedy}"
        elif not key and "notebook_task" in task and not CLUSTERS & task.keys():
            name = task.name("task_key")
            yield f"{task.place}: {name} has no environment_key, so it runs without the pins; {remedy}"


def every_task_on_a_cluster_has_its_packages(bundle: BundleFiles) -> Iterator[str]:
    for job, task in bundle.tasks:
        key, name = task.name("job_cluster_key"), task.name("task_key")
        if key and key not in job.clusters:
            remedy = f"set it to one of: {', '.join(job.clusters)}"
            if not job.clusters:
                remedy = f"give the job job_clusters with job_cluster_key: {key}"
            yield f"{task.at('job_cluster_key')}: {job.key} has no job_cluster_key {key}; {remedy}"
        if "notebook_task" in task and CLUSTERS & task.keys() and not task.items_of("libraries"):
            problem = f"{name} runs on a cluster without libraries, so without the pins"
            yield f"{task.place}: {problem}; write libraries: ${{var.ml_libraries}}"


def xgboost_learns_on_a_dedicated_cluster_of_fixed_size(bundle: BundleFiles) -> Iterator[str]:
    """As https://docs.databricks.com/aws/en/machine-learning/train-model/xgboost-spark asks for."""
    for job, task, notebook in bundle.notebook_tasks:
        if not any(module == "xgboost.spark" for _, module, _ in notebook.imports):
            continue
        cluster, name = job.clusters.get(task.name("job_cluster_key")), task.name("task_key")
        if cluster is None:
            if not CLUSTERS & task.keys():
                problem = f"{name} uses xgboost.spark, which is not known to run on serverless compute"
                yield f"{task.place}: {problem}; give it a job_cluster_key and libraries"
            continue
        if cluster.name("data_security_mode") not in DEDICATED:
            place, problem = cluster.at("data_security_mode"), "xgboost.spark, which needs dedicated access"
            yield f"{place}: {name} uses {problem}; write data_security_mode: {DEDICATED[0]}"
        if "autoscale" in cluster:
            problem = f"{name} uses xgboost.spark, which runs on no cluster that changes its size"
            yield f"{cluster.at('autoscale')}: {problem}; write num_workers in place of autoscale"


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
        other = jobs.get(called.name("job_id"), job)
        for name in called.section("job_parameters") if other is not job else []:
            if name not in other.parameters:
                place, known = called.at("job_parameters", name), ", ".join(other.parameters) or "none"
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
