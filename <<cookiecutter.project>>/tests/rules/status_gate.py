"""The last task of each job, which turns the run red if any task before it failed.

A notebook that ends with `dbutils.notebook.exit("FAILED: …")` is a green task on Databricks, so
without this task a failed run looks like a success.
"""

import ast
from collections.abc import Iterator

from rules.bundle_files import BundleFiles, Job, depends_on

GATE = "pipeline_status.py"


def gates(bundle: BundleFiles) -> Iterator[tuple[Job, dict]]:
    for job, task, notebook in bundle.notebook_tasks:
        if notebook.path.name == GATE:
            yield job, task


def every_job_ends_in_a_status_gate(bundle: BundleFiles) -> Iterator[str]:
    """A job without notebooks needs none: its tasks fail by themselves."""
    with_gate = {(job.key, job.target) for job, _ in gates(bundle)}
    for job, _, _ in bundle.notebook_tasks:
        if (job.key, job.target) not in with_gate:
            yield (
                f"{job.place}: without a status gate its run is green when a notebook fails; "
                f"add a task pipeline_status that runs {GATE}"
            )


def the_status_gate_runs_in_any_case(bundle: BundleFiles) -> Iterator[str]:
    for job, task in gates(bundle):
        if task.get("run_if") != "ALL_DONE":
            yield (
                f"{job.at(task)}: run_if is {task.get('run_if', 'missing')}, so the status gate is left out "
                "when a task before it fails; write run_if: ALL_DONE"
            )


def the_status_gate_waits_for_every_task(bundle: BundleFiles) -> Iterator[str]:
    for job, gate in gates(bundle):
        for task in job.tasks:
            key = task.get("task_key")
            if task is not gate and key not in depends_on(gate):
                yield f"{job.at(gate)}: the status gate does not wait for {key}; add it to depends_on"


def the_status_gate_is_told_every_result(bundle: BundleFiles) -> Iterator[str]:
    for job, gate in gates(bundle):
        results = str((gate["notebook_task"].get("base_parameters") or {}).get("results", ""))
        lines = ["".join(line.split()) for line in results.splitlines()]
        for task in job.tasks:
            key = task.get("task_key")
            line = f"{key}: {{{{tasks.{key}.result_state}}}}"
            if task is not gate and line.replace(" ", "") not in lines:
                yield f"{job.at(gate)}: its results say nothing of {key}; add the line {line}"


def the_status_gate_is_red_at_once(bundle: BundleFiles) -> Iterator[str]:
    """Its failure is an answer; a retry only delays it."""
    for job, gate in gates(bundle):
        if gate.get("max_retries") != 0 or gate.get("disable_auto_optimization") is not True:
            yield (
                f"{job.at(gate)}: the status gate is retried when it fails; "
                "write max_retries: 0 and disable_auto_optimization: true"
            )
        if job.settings.get("timeout_seconds"):
            yield (
                f"{job.place}: timeout_seconds of the job ends the status gate too; "
                "give each task its own timeout_seconds"
            )


def the_status_gate_raises(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        if notebook.path.name == GATE and not any(isinstance(n, ast.Raise) for n in notebook.nodes):
            yield f"{notebook.name}: it never raises, so the run stays green; raise when a task has FAILED"


RULES = (
    every_job_ends_in_a_status_gate,
    the_status_gate_runs_in_any_case,
    the_status_gate_waits_for_every_task,
    the_status_gate_is_told_every_result,
    the_status_gate_is_red_at_once,
    the_status_gate_raises,
)
