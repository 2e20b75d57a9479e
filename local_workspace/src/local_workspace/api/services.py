"""The process that answers for the workspace's REST APIs."""

import socket
from pathlib import Path


def run_services(
    listener: socket.socket, token: str, state: Path, mlflow_folder: Path, spark_url: str
) -> None:
    """Answers on `listener` until the process is ended; it connects to Spark by itself."""
    from local_workspace.api import feature_store, http_server, model_registry, unity_catalog
    from local_workspace.api.request import Services
    from local_workspace.compute.serverless import start_session

    registry = model_registry.Registry(f"sqlite:///{mlflow_folder}/mlflow.db", state / "models")
    routes = [*unity_catalog.ROUTES, *feature_store.ROUTES, *model_registry.ROUTES]
    http_server.serve(listener, token, routes, Services(start_session(spark_url), registry))
