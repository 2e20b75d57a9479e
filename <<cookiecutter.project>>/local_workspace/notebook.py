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


def run_notebook(
    path: Path,
    parameters: dict,
    task_values: dict,
    spark_url: str,
    log: Path,
    memory_mb: int,
    answer: Connection,
) -> None:
    """Runs the notebook and sends `{"exit", "error", "values"}` to `answer`.

    `exit` is the text given to `dbutils.notebook.exit`, or None; `error` is the exception that ended
    the notebook, in one line, or None; `values` are the task values it set. `memory_mb` is the most that
    it may allocate, 0 for no limit.
    """
    _log_to(log)
    os.chdir(log.parent.parent)  # not the bundle's folder; MLflow keeps `mlruns/` in it
    bundle = Path(__file__).resolve().parent.parent
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry).resolve() != bundle]
    if memory_mb:
        _limit_memory(memory_mb)
    answer.send(_run(path, parameters, task_values, spark_url))
    end_session(spark_url)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # nothing of the notebook lingers


def end_session(spark_url: str) -> None:
    """Cancels what still runs in a task's Spark session, and ends the session."""
    from pyspark.sql.connect.session import SparkSession

    SparkSession.builder.remote(spark_url).getOrCreate().stop()


def _run(path: Path, parameters: dict, task_values: dict, spark_url: str) -> dict:
    from local_workspace.dbutils import DBUtils, NotebookExit
    from local_workspace.kernel import Kernel
    from local_workspace.workspace_paths import refuse_to_open

    result = {"exit": None, "error": None, "values": {}}
    try:
        spark, dbutils = start_session(spark_url, Path.cwd()), DBUtils(parameters, task_values)
        result["values"] = dbutils.jobs.taskValues.own
        refuse_to_open()
        Kernel(spark, dbutils).run(path)
    except NotebookExit as end:
        result["exit"] = str(end)
    except BaseException as error:
        traceback.print_exc()
        result["error"] = " ".join(f"{type(error).__name__}: {error}".split())[:1000]
    return result


def start_session(spark_url: str, state: Path) -> object:
    """The Spark session of this process, which SparkSession.builder also gives from now on."""
    from local_workspace import serverless, spark_settings

    os.environ["SPARK_REMOTE"] = spark_url  # SparkSession.builder in a notebook then gives this session
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"  # and pyspark.sql.functions are those of Connect
    spark = serverless.start_session(spark_url)
    if spark_settings.has_large_table(state):
        serverless.suit_large_data(spark)
    return spark


def _limit_memory(mb: int) -> None:
    """Makes allocating more a MemoryError; on Linux, whose limit alone counts all that is allocated."""
    status = Path("/proc/self/status")
    if status.exists():
        used = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmData:"))
        limit = int(used) * 1024 + mb * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _log_to(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)
