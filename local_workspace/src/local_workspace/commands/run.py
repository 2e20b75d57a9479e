"""Runs jobs of the bundle as a workspace runs them."""

import argparse
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_workspace.bundle.bundle import Bundle
from local_workspace.bundle.root import find_root
from local_workspace.errors import BundleError
from local_workspace.options import option

HELP = "run the whole path, or the jobs that are named"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", nargs="*", help="a job's key, for example ml_training_pipeline")
    target = "a target of databricks.yml (default: the one with default: true)"
    parser.add_argument("--target", help=target)
    value = "a value for a variable of the bundle"
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help=value)
    only = "only these tasks, without those they depend on"
    parser.add_argument("--task", nargs="+", action="extend", metavar="KEY", help=only)


def run(arguments: argparse.Namespace) -> int:
    """Returns 1 where a run has failed, or a task says that it has."""
    from local_workspace.jobs import supported
    from local_workspace.jobs.own_packages import refuse_own_packages
    from local_workspace.jobs.report import Report
    from local_workspace.jobs.runs import Jobs
    from local_workspace.workspace.opening import open_workspace

    root = find_root()
    bundle = Bundle(root, arguments.target, options=arguments.var)
    job_keys = arguments.job or [key for key in option(root, "whole_path", []) if key in bundle.jobs]
    _check_names(bundle, job_keys, arguments.task)
    refuse_own_packages(bundle.jobs, job_keys)
    supported.check(bundle, job_keys, arguments.task)
    report, runs = Report(), []
    if bundle.given:
        report.line(f"From outside the bundle: {'; '.join(bundle.given)}")
    with open_workspace(root, sys.stdout) as workspace:
        jobs = Jobs(bundle, workspace, report)
        try:
            for key in job_keys:
                with _turn(workspace.logs, key):
                    runs.append(jobs.run(key, only=arguments.task))
        finally:
            report.close(Path(os.path.relpath(workspace.state)))
    return 1 if report.unheard or any(run.failed for run in runs) else 0


@contextmanager
def _turn(logs: Path, job: str) -> Iterator[None]:
    """One run of a job at a time: another command may run it in the same workspace."""
    with os.fdopen(os.open(logs / f"{job}.lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{job} runs already; this run waits for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_names(bundle: Bundle, job_keys: list[str], task_keys: list[str] | None) -> None:
    if not bundle.jobs:
        raise BundleError(f"job: target {bundle.target} has no jobs; add one to databricks.yml")
    if not job_keys:
        raise BundleError(f"job: name one of {', '.join(bundle.jobs)}, or list some in pyproject.toml")
    for key in job_keys:
        if key not in bundle.jobs:
            known = ", ".join(bundle.jobs)
            raise BundleError(f"job: target {bundle.target} has no {key!r}; it has {known}")
        if not bundle.jobs[key].get("tasks"):
            raise BundleError(f"job: {key} has no tasks; add some, or name other jobs")
    tasks = [task["task_key"] for key in job_keys for task in bundle.jobs[key]["tasks"]]
    for key in task_keys or []:
        if key not in tasks:
            raise BundleError(f"--task: there is no {key!r}; there are {', '.join(tasks)}")
