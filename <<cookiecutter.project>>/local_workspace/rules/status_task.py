"""The last task of each job, which fails the run if any task before it failed.

A notebook that ends with `dbutils.notebook.exit("FAILED: …")` is a successful task to Databricks, so
without this task a failed run looks like a success.
"""

import ast
from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles, Job, depends_on, parameters
from local_workspace.yaml_files import Mapping

NOTEBOOK = "pipeline_status.py"


def status_tasks(bundle: BundleFiles) -> Iterator[tuple[Job, Mapping]]:
    for job, task, notebook in bundle.notebook_tasks:
        if notebook.path.name == NOTEBOOK:
            yield job, task


def every_job_ends_with_a_status_task(bundle: BundleFiles) -> Iterator[str]:
    """A job without notebooks needs none: its tasks fail by themselves."""
    having = {(job.key, job.target) for job, _ in status_tasks(bundle)}
    for job, _, _ in bundle.notebook_tasks:
        if (job.key, job.target) not in having:
            yield (
                f"{job.settings.at('tasks')}: a run of {job.key} is successful when a notebook fails; "
                f"add a task pipeline_status that runs {NOTEBOOK}"
            )


def the_status_task_runs_in_any_case(bundle: BundleFiles) -> Iterator[str]:
    for _, task in status_tasks(bundle):
        if task.get("run_if") != "ALL_DONE":
            yield (
                f"{task.at('run_if')}: run_if of the status task is {task.get('run_if', 'missing')}, so it "
                "is left out when a task before it fails; write run_if: ALL_DONE"
            )


def the_status_task_waits_for_every_task(bundle: BundleFiles) -> Iterator[str]:
    for job, status in status_tasks(bundle):
        for task in job.tasks:
            key = task.name("task_key")
            if task is not status and key not in depends_on(status):
                place = status.at("depends_on")
                yield f"{place}: the status task does not wait for {key}; add it to depends_on"


def the_status_task_is_told_every_result(bundle: BundleFiles) -> Iterator[str]:
    for job, status in status_tasks(bundle):
        told = ["".join(line.split()) for line in str(parameters(status).get("results", "")).splitlines()]
        for task in job.tasks:
            key = task.name("task_key")
            line = f"{key}: {{{{tasks.{key}.result_state}}}}"
            if task is not status and line.replace(" ", "") not in told:
                place = status.at("notebook_task", "base_parameters", "results")
                yield f"{place}: results of the status task say nothing of {key}; add the line {line}"


def the_status_task_fails_at_once(bundle: BundleFiles) -> Iterator[str]:
    """Its failure is an answer; a retry only delays it."""
    for job, task in status_tasks(bundle):
        if task.get("max_retries") != 0 or task.get("disable_auto_optimization") is not True:
            yield (
                f"{task.at('max_retries')}: the status task is retried when it fails; "
                "write max_retries: 0 and disable_auto_optimization: true"
            )
        if job.settings.get("timeout_seconds"):
            yield (
                f"{job.settings.at('timeout_seconds')}: timeout_seconds of the job ends the status task too; "
                "give each task its own timeout_seconds"
            )


def the_status_task_raises(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        if notebook.path.name == NOTEBOOK and not any(isinstance(node, ast.Raise) for node in notebook.nodes):
            yield f"{notebook.at(1)}: it never raises, so no run fails; raise when a task has FAILED"


RULES = (
    every_job_ends_with_a_status_task,
    the_status_task_runs_in_any_case,
    the_status_task_waits_for_every_task,
    the_status_task_is_told_every_result,
    the_status_task_fails_at_once,
    the_status_task_raises,
)
