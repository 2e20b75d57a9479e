"""The commands of `python -m local_workspace`."""

import argparse
import errno
import fcntl
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_workspace import state
from local_workspace.bundle import Bundle
from local_workspace.errors import BundleError, WorkspaceError
from local_workspace.options import option

NO_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    arguments = _arguments()
    _stop_in_order()
    try:
        return _command(arguments)
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


def _command(arguments: argparse.Namespace) -> int:
    """Runs the command; each imports what it needs alone."""
    match arguments.command:
        case "check":
            from local_workspace.check import check  # a test dependency, which a run does without

            return check(ROOT)
        case "import":
            from local_workspace.own_tables import import_table

            return import_table(ROOT, arguments.domain, arguments.file, arguments.replace)
        case "reset":
            from local_workspace.reset import reset

            return reset(ROOT, arguments.yes)
        case "sample":
            from local_workspace.sample import sample

            return sample(ROOT, arguments)
        case "shell":
            from local_workspace.shell import shell

            return shell(ROOT, arguments.target, arguments.task)
        case "sql":
            from local_workspace.sql import sql

            return sql(ROOT, arguments.statement, arguments.csv)
        case "up":
            from local_workspace.up import up

            return up(ROOT, arguments.idle)
    return _run(arguments)


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
    from local_workspace import supported
    from local_workspace.commands import open_workspace
    from local_workspace.jobs import Jobs
    from local_workspace.own_packages import refuse_own_packages
    from local_workspace.report import Report

    bundle = Bundle(ROOT, arguments.target, options=arguments.var)
    job_keys = arguments.job or [key for key in option(ROOT, "whole_path", []) if key in bundle.jobs]
    _check_names(bundle, job_keys, arguments.task)
    refuse_own_packages(bundle.jobs, job_keys)
    supported.check(bundle, job_keys, arguments.task)
    report, runs = Report(), []
    if bundle.given:
        report.line(f"From outside the bundle: {'; '.join(bundle.given)}")
    with open_workspace(ROOT, sys.stdout) as workspace:
        jobs = Jobs(bundle, workspace, report)
        try:
            for key in job_keys:
                with _turn(workspace.logs, key):
                    runs.append(jobs.run(key, only=arguments.task))
        finally:
            report.close(Path(state.NAME))
    return 1 if any(run.failed for run in runs) else 0


@contextmanager
def _turn(logs: Path, job: str) -> Iterator[None]:
    """One run of a job at a time: another command may run it in the same workspace."""
    with open(logs / f"{job}.lock", "w") as lock:
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
    up = commands.add_parser("up", help="keep the workspace running, which other commands then use")
    up.add_argument("--idle", type=float, default=60, metavar="MINUTES", help="how long without a command")
    _add_commands_of_own_data(commands)
    reset = commands.add_parser("reset", help="remove all local state: tables, runs, models, logs")
    reset.add_argument("--yes", action="store_true", help="do not ask, though tables were imported")
    return parser.parse_args()


def _add_commands_of_own_data(commands: argparse._SubParsersAction) -> None:
    imported = commands.add_parser("import", help="make files the gold table of a domain")
    imported.add_argument("domain", help="a domain of this bundle, which names the table")
    imported.add_argument("file", nargs="+", type=Path, help="CSV, JSON lines, Parquet, or a Delta folder")
    sample = commands.add_parser("sample", help="import a sample of a gold table of your workspace")
    sample.add_argument("domain", help="a domain of this bundle, which names the table")
    sample.add_argument("--target", default="dev", help="whose gold table it is (default: dev)")
    sample.add_argument("--rows", type=int, default=10_000, help="about how many rows (default: 10000)")
    sample.add_argument("--profile", help="your profile in ~/.databrickscfg")
    sample.add_argument("--warehouse", help="the ID of the SQL warehouse that reads the table")
    hashed = "columns that must not be readable here, such as a key that is a name"
    sample.add_argument("--hash", nargs="+", action="extend", default=[], metavar="COLUMN", help=hashed)
    also = "columns that your feature code uses besides"
    sample.add_argument("--also", nargs="+", action="extend", default=[], metavar="COLUMN", help=also)
    for parser in (imported, sample):
        parser.add_argument("--replace", action="store_true", help="replace the table if it exists")
    sql = commands.add_parser("sql", help="run a SQL statement, and print what it gives")
    sql.add_argument("statement")
    sql.add_argument("--csv", type=Path, metavar="FILE", help="write all rows to a file instead")
    shell = commands.add_parser("shell", help="IPython with spark, dbutils and MLflow as a task has them")
    shell.add_argument("--target", default="dev", help="a target of databricks.yml (default: dev)")
    shell.add_argument("--task", metavar="KEY", help="a task whose parameters dbutils.widgets is to have")


if __name__ == "__main__":
    sys.exit(main())
