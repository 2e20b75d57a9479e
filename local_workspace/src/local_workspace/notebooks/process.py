"""One task's Python process: a notebook, unchanged, with `spark`, `dbutils` and `display` given.

Stands for https://docs.databricks.com/aws/en/jobs/notebook. The process is forked from one that has
the libraries loaded, so it starts at once, and what a notebook changes ends with it.
"""

import os
import resource
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from local_workspace.compute.python_path import leave_bundle
from local_workspace.compute.spark_sessions import end_session, start_task_session
from local_workspace.notebooks import log
from local_workspace.notebooks.dbutils import DBUtils, EarlierValues, NotebookExit
from local_workspace.workspace import descendants
from local_workspace.workspace.tasks import RunningWorkspace, Settings, Task


def start_notebook(
    workspace: RunningWorkspace,
    path: Path,
    parameters: dict[str, str],
    task_values: EarlierValues,
    log_file: Path,
) -> Task:
    """Starts a notebook's process; its result is what `run_notebook` sends."""
    return workspace.start(run_notebook, path, parameters, task_values, log_file)


def run_notebook(
    settings: Settings,
    answer: Connection,
    path: Path,
    parameters: dict[str, str],
    task_values: EarlierValues,
    log_file: Path,
) -> None:
    """Runs the notebook and sends `{"exit", "error", "values"}` to `answer`.

    `exit` is the text given to `dbutils.notebook.exit`, or None; `error` is the exception that ended
    the notebook, in one line, or None; `values` are the task values it set.
    """
    _log_to(log_file)
    os.chdir(log_file.parent.parent)  # not the bundle's folder; MLflow keeps `mlruns/` in it
    leave_bundle(settings.root)
    if settings.memory_mb:
        _limit_memory(settings.memory_mb)
    answer.send(_run(path, parameters, task_values, settings.spark_url))
    end_session(settings.spark_url)
    sys.stdout.flush()
    sys.stderr.flush()
    descendants.kill(os.getpid())
    os._exit(0)  # nothing of the notebook lingers


def _run(
    path: Path, parameters: dict[str, str], task_values: EarlierValues, spark_url: str
) -> dict[str, Any]:
    from local_workspace.compute.workspace_paths import refuse_to_open
    from local_workspace.notebooks.kernel import Kernel

    result: dict[str, Any] = {"exit": None, "error": None, "values": {}}
    try:
        spark, dbutils = start_task_session(spark_url, Path.cwd()), DBUtils(parameters, task_values)
        result["values"] = dbutils.jobs.taskValues.own
        refuse_to_open()
        Kernel(spark, dbutils).run(path)
    except NotebookExit as end:
        result["exit"] = str(end)
    except BaseException as error:
        traceback.print_exc()
        result["error"] = " ".join(f"{type(error).__name__}: {error}".split())[:1000]
    return result


def _limit_memory(mb: int) -> None:
    """Makes allocating more a MemoryError; on Linux, whose limit alone counts all that is allocated."""
    status = Path("/proc/self/status")
    if status.exists():
        used = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmData:"))
        limit = int(used) * 1024 + mb * 2**20
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _log_to(path: Path) -> None:
    file = log.begin(path)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)
