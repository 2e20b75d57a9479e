"""The environment variables that Spark, the services and every task get."""

import os
import sys
from pathlib import Path

FOREIGN = ("DATABRICKS_", "MLFLOW_", "SPARK_", "PYSPARK_")  # a real workspace's settings do not reach in


def set_environment(state: Path, mlflow_folder: Path, port: int, token: str) -> None:
    """Points every client to the local workspace, whose HTTP services answer on `port`."""
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            del os.environ[name]
    os.environ |= {
        "DATABRICKS_HOST": f"http://127.0.0.1:{port}",
        "DATABRICKS_TOKEN": token,
        "DATABRICKS_CONFIG_FILE": str(state / "no.databrickscfg"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{mlflow_folder}/mlflow.db",
        "MLFLOW_REGISTRY_URI": "databricks-uc",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MPLBACKEND": "agg",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYSPARK_PYTHON": sys.executable,  # of Spark's workers
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many tasks as cores run side by side
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
