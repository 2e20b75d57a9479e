"""The process that answers for the workspace's REST APIs."""

import socket
import sys
from pathlib import Path


def run_services(
    listener: socket.socket, token: str, state: Path, mlflow_folder: Path, spark_url: str
) -> None:
    """Answers on `listener` until the process is ended; it connects to Spark by itself."""
    from local_workspace import feature_store, http_server, model_registry, unity_catalog
    from local_workspace.api import Services
    from local_workspace.serverless import start_session

    if "local_workspace.preload" not in sys.modules:
        raise RuntimeError("preload did not load, so each task would load every library anew")
    registry = model_registry.Registry(f"sqlite:///{mlflow_folder}/mlflow.db", state / "models")
    routes = [*unity_catalog.ROUTES, *feature_store.ROUTES, *model_registry.ROUTES]
    http_server.serve(listener, token, routes, Services(start_session(spark_url), registry))
