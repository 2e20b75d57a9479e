"""The last task of each job, which fails the run if any task before it failed.

A notebook that ends with `dbutils.notebook.exit("FAILED: …")` is a successful task to Databricks, so
without this task a failed run looks like a success.
"""

import ast
from collections.abc import Iterator

from local_workspace.bundle.job import Job, depends_on, parameters
from local_workspace.bundle.yaml_files import Mapping
from local_workspace.rules.bundle_files import BundleFiles

NOTEBOOK = "pipeline_status.py"
SETTINGS = {  # of the status task; the reason
    "run_if": ("ALL_DONE", "so it is left out when a task before it fails"),
    "max_retries": ("0", "so its failure, which is an answer, comes late"),
    "disable_auto_optimization": ("true", "so Databricks retries it when it fails"),
}


def _status_tasks(bundle: BundleFiles) -> list[tuple[Job, Mapping]]:
    return [(job, task) for job, task, notebook in bundle.notebook_tasks if notebook.path.name == NOTEBOOK]


def every_job_ends_with_a_status_task(bundle: BundleFiles) -> Iterator[str]:
    """A job without notebooks needs none: its tasks fail by themselves."""
    having = [job for job, _ in _status_tasks(bundle)]
    for job, _, _ in bundle.notebook_tasks:
        if job not in having:
            problem = f"a run of {job.key} is successful when a notebook fails"
            yield f"{job.settings.at('tasks')}: {problem}; add a task pipeline_status that runs {NOTEBOOK}"


def the_status_task_always_runs_once(bundle: BundleFiles) -> Iterator[str]:
    for job, status in _status_tasks(bundle):
        for key, (value, reason) in SETTINGS.items():
            given = status.get(key, "missing")
            if str(given).upper() != value.upper():
                problem = f"{key} of the status task is {given}, {reason}"
                yield f"{status.at(key)}: {problem}; write {key}: {value}"
        if job.settings.get("timeout_seconds"):
            place = job.settings.at("timeout_seconds")
            yield f"{place}: timeout_seconds of the job ends the status task too; give it to each task"


def the_status_task_hears_of_every_task(bundle: BundleFiles) -> Iterator[str]:
    for job, status in _status_tasks(bundle):
        told = parameters(status).name("results").replace(" ", "").splitlines()
        for key in job.keys:
            if key == status.name("task_key"):
                continue
            if key not in depends_on(status):
                place = status.at("depends_on")
                yield f"{place}: the status task does not wait for {key}; add it to depends_on"
            line = f"{key}: {{{{tasks.{key}.result_state}}}}"
            if line.replace(" ", "") not in told:
                place = status.at("notebook_task", "base_parameters", "results")
                yield f"{place}: results of the status task say nothing of {key}; add the line {line}"


def the_status_task_raises(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        if notebook.path.name == NOTEBOOK and not any(isinstance(node, ast.Raise) for node in notebook.nodes):
            yield f"{notebook.at(1)}: it never raises, so no run fails; raise when a task has FAILED"
