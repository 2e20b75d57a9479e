"""The commands of `python -m local_workspace`: run, check, reset."""

import argparse
import errno
import signal
import sys
from pathlib import Path

from local_workspace import damage, state, supported
from local_workspace.bundle import Bundle
from local_workspace.errors import BundleError, WorkspaceError
from local_workspace.options import option
from local_workspace.own_packages import refuse_own_packages

NO_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    arguments = _arguments()
    _stop_in_order()
    try:
        if arguments.command == "reset":
            state.reset(ROOT)
            return 0
        if arguments.command == "check":
            from local_workspace.check import check  # a test dependency, which a run does without

            return check(ROOT)
        return _run(arguments)
    except (BundleError, WorkspaceError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in NO_WRITING:
            raise
        file = error.filename or ROOT / state.NAME
        print(f"{file}: {error.strerror}; make room there, or make it writable", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def _stop_in_order() -> None:
    """Ends on Ctrl-C, on SIGTERM, and when the terminal closes; a second one does not disturb that."""
    numbers = [n for n in STOPS if signal.getsignal(n) != signal.SIG_IGN]  # as under nohup

    def stop(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, stop)


def _run(arguments: argparse.Namespace) -> int:
    from local_workspace.jobs import Jobs
    from local_workspace.report import Report
    from local_workspace.spark_server import has_jars
    from local_workspace.workspace import Workspace

    bundle = Bundle(ROOT, arguments.target, options=arguments.var)
    job_keys = arguments.job or [key for key in option(ROOT, "whole_path", []) if key in bundle.jobs]
    _check_names(bundle, job_keys, arguments.task)
    refuse_own_packages(bundle.jobs, job_keys)
    supported.check(bundle, job_keys, arguments.task)
    report = Report()
    if bundle.given:
        report.line(f"From outside the bundle: {'; '.join(bundle.given)}")
    report.line("Starting Spark and the workspace's services ...")
    if not has_jars():
        report.line("Delta's jars come from Maven Central, this once ...")
    for sentence in damage.unreadable_tables(ROOT / state.NAME):
        report.line(sentence)
    runs = []
    with Workspace(ROOT) as running:
        jobs = Jobs(bundle, running, report)
        try:
            for key in job_keys:
                runs.append(jobs.run(key, only=arguments.task))
        finally:
            report.close(Path(state.NAME))
    return 1 if any(run.failed for run in runs) else 0


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
    known = [task["task_key"] for key in job_keys for task in bundle.jobs[key]["tasks"]]
    for key in task_keys or []:
        if key not in known:
            raise BundleError(f"--task: there is no {key!r}; there are {', '.join(known)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_workspace", description="Runs this bundle's jobs on this machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the whole path, or the jobs that are named")
    run.add_argument("job", nargs="*", help="a job's key, for example ml_training_pipeline")
    run.add_argument("--target", help="a target of databricks.yml (default: the one with default: true)")
    run.add_argument(
        "--var",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a value for a variable of the bundle",
    )
    run.add_argument(
        "--task",
        nargs="+",
        action="extend",
        metavar="KEY",
        help="only these tasks, without those they depend on",
    )
    commands.add_parser("check", help="say which rules of the bundle are broken, and where; no Spark")
    commands.add_parser("reset", help="remove all local state: tables, runs, models, logs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
