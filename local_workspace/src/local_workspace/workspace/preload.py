"""What every task's process is forked with, so that a task starts at once."""

# ruff: noqa: E402, F401
import contextlib
import gc
import importlib
import logging
import os
import sys
from pathlib import Path

gc.disable()  # until all is loaded, of which a fifth would be collecting what stays
sys.dont_write_bytecode = False  # or each start compiles these libraries anew

import databricks.feature_engineering
import databricks.feature_store.mlflow_model
import mlflow.data.spark_dataset
import mlflow.sklearn
import opentelemetry.sdk.metrics
import pandas
import pyspark.ml
import sqlalchemy
import sqlparse
import tqdm.auto
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_CONFLICT
from mlflow.tracking._tracking_service import utils as tracking
from mlflow.utils import requirements_utils

import local_workspace.api.model_registry
import local_workspace.compute.serverless
from local_workspace.workspace import descendants
from local_workspace.workspace.locked import SECONDS, locked

# What models are made with, where the bundle has it; and git, by which MLflow looks for a commit.
LIBRARIES = ("git", "matplotlib.pyplot", "mlflow.xgboost", "sklearn.ensemble", "sklearn.metrics", "xgboost")
for library in LIBRARIES:
    with contextlib.suppress(ImportError):
        importlib.import_module(library)

# MLflow maps modules to packages when a process first logs or loads a model, which takes a second.
requirements_utils._init_packages_to_modules_map()
folder = Path(os.environ["MLFLOW_TRACKING_URI"].removeprefix("sqlite:///")).parent
server = os.getpid()  # of which all processes of this workspace that use the store are forked


@sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "do_connect")
def wait_for_store(
    dialect: sqlalchemy.engine.Dialect, _record: object, _where: object, how: dict[str, object]
) -> None:
    """MLflow waits for a lock in its sessions alone; when it looks at its tables, SQLite would for 5 s."""
    if dialect.name == "sqlite":
        how.setdefault("timeout", SECONDS)


@sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "handle_error")
def say_who_locks(context: sqlalchemy.engine.ExceptionContext) -> None:
    """One sentence in place of the statement and its values, also on a disk that is full.

    Its status is one that clients of the services take as it is: of others they try for minutes.
    """
    said, problem = str(context.original_exception), ""
    if "database is locked" in said:
        problem = locked(folder / "mlflow.db", [server, *descendants.find(server)])
    if "database or disk is full" in said:
        problem = f"{folder}: its disk is full; make room there, then run this again"
    if problem:
        raise MlflowException(problem, RESOURCE_CONFLICT) from None


# It also looks at every table of its store, and maps it to classes; each process connects by itself.
with contextlib.chdir(folder):
    store = tracking._get_store()
store.artifact_root_uri = f"{folder}/mlruns"  # else the path of this folder without links
store.engine.dispose()

descendants.adopt()  # what a task leaves that ends by itself

# It asks a workspace's tracking service whose run a version is of; here that is the SQLite store.
logging.getLogger("mlflow.store._unity_catalog.registry.rest_store").addFilter(
    lambda record: "source run's workspace ID" not in record.getMessage()
)
gc.freeze()  # a task's garbage collection need not look at what is loaded here
gc.enable()
