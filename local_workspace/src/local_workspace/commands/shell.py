"""IPython in which a notebook's cells can be pasted: spark, dbutils, display, MLflow as a task has them."""

import argparse
import os
import signal
from collections.abc import Callable
from pathlib import Path

from local_workspace.bundle.bundle import Bundle
from local_workspace.bundle.root import find_root
from local_workspace.errors import BundleError, WorkspaceError

HELP = "IPython with spark, dbutils and MLflow as a task has them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", default="dev", help="a target of databricks.yml (default: dev)")
    parser.add_argument("--task", metavar="KEY", help="a task whose parameters dbutils.widgets is to have")


def run(arguments: argparse.Namespace) -> int:
    """`dbutils.widgets` has the parameters of the task, or those that the jobs have, if none is named."""
    from local_workspace.workspace.environment import private
    from local_workspace.workspace.opening import open_workspace

    root = find_root()
    parameters = _parameters(Bundle(root, arguments.target), arguments.task)
    with open_workspace(root) as workspace:
        environment, spark_url = workspace.connection()
        with private(environment):
            talk(workspace.state, spark_url, parameters, workspace.check)
    return 0


def _parameters(bundle: Bundle, task_key: str | None) -> dict[str, str]:
    jobs = bundle.jobs.values()
    tasks = {task["task_key"]: (job, task) for job in jobs for task in job.entries("tasks")}
    if task_key and task_key not in tasks:
        raise BundleError(f"--task: there is no {task_key!r}; there are {', '.join(tasks)}")
    chosen = [tasks[task_key][0]] if task_key else jobs
    found = dict(tasks[task_key][1].section("notebook_task", "base_parameters")) if task_key else {}
    for job in chosen:
        found |= {parameter["name"]: parameter["default"] for parameter in job.entries("parameters")}
    return {name: str(value) for name, value in found.items()}


def talk(state: Path, spark_url: str, parameters: dict[str, str], check: Callable[[], None]) -> None:
    """IPython on the terminal; the environment is that of a task.

    Ends, and raises WorkspaceError, where `check` does so after a cell.
    """
    import mlflow
    from IPython.terminal.ipapp import TerminalIPythonApp

    import local_workspace.workspace.preload  # noqa: F401 - as every task has it
    from local_workspace.compute.spark_sessions import start_task_session
    from local_workspace.notebooks.dbutils import DBUtils
    from local_workspace.notebooks.kernel import display

    names = {"spark": start_task_session(spark_url, state), "dbutils": DBUtils(parameters, {})}
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # IPython would go on; Spark ends with this process
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(state)  # as a task does
    print("spark, dbutils, display and mlflow are as a task has them; exit ends this.")
    ipython = state / "ipython"  # its history; that in your home is left alone
    ipython.mkdir(exist_ok=True)
    terminal = TerminalIPythonApp.instance(user_ns=names | {"display": display, "mlflow": mlflow})
    terminal.initialize(["--no-banner", "--no-confirm-exit", f"--ipython-dir={ipython}"])

    def leave_what_has_ended(_: object) -> None:
        try:
            check()
        except WorkspaceError:
            terminal.shell.ask_exit()

    terminal.shell.events.register("post_run_cell", leave_what_has_ended)
    terminal.start()
    check()
