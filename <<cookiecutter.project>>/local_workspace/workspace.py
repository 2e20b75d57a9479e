"""A running local workspace: Spark, the services, and the processes of tasks."""

import os
import secrets
import socket
import uuid
from multiprocessing import Process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from local_workspace import state
from local_workspace.environment import set_environment
from local_workspace.errors import WorkspaceError
from local_workspace.java import require_java
from local_workspace.notebook import run_notebook
from local_workspace.processes import Processes
from local_workspace.services import run_services
from local_workspace.spark_server import SparkServer


class TaskProcess(NamedTuple):
    """A running notebook: its process, the connection that its result comes by, its Spark session."""

    process: Process
    result: Connection
    session: str


class Workspace:
    """A local workspace that runs within a `with`; `state` is the folder of what lasts, `logs` is in it."""

    def __init__(self, bundle_root: Path):
        self.state = bundle_root / state.NAME
        self.logs = self.state / "logs"
        self._sessions: list[str] = []

    def __enter__(self) -> "Workspace":
        require_java()
        self._lock = state.lock(self.state)
        mlflow_folder, token = state.mlflow_folder(self.state), secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            set_environment(self.state, mlflow_folder, listener.getsockname()[1], token)
            self._spark = SparkServer(self.state, secrets.token_hex(16))
            self._spark.start(dict(os.environ))
            try:
                self._processes = Processes(self.logs / "services.log")
                self._spark_url = self._spark.url()
                arguments = (listener, token, self.state, mlflow_folder, self._spark_url)
                self._services = self._processes.start(run_services, *arguments, daemon=True)
            except BaseException:
                self._spark.stop()
                raise
        return self

    def __exit__(self, *error: object) -> None:
        self._services.kill()
        self._services.join()
        self._spark.stop()
        self._lock.close()

    def start_notebook(self, path: Path, parameters: dict, task_values: dict, log: Path) -> TaskProcess:
        """Starts a task's process in a Spark session that no other task is using."""
        session = self._sessions.pop() if self._sessions else str(uuid.uuid4())
        receiving, sending = self._processes.pipe()
        url = f"{self._spark_url};session_id={session}"
        process = self._processes.start(run_notebook, path, parameters, task_values, url, log, sending)
        sending.close()
        return TaskProcess(process, receiving, session)

    def end_notebook(self, task: TaskProcess) -> None:
        """Ends a task's process; its session serves a later task, with Spark's Python workers warm."""
        task.process.join(timeout=1)
        if task.process.exitcode == 0:
            self._sessions.append(task.session)
        else:
            task.process.kill()  # what it began may still run in its session, which is left alone
            task.process.join()

    def check(self) -> None:
        """Raises where Spark or the services have died, which tasks would wait for."""
        if not self._spark.alive():
            raise WorkspaceError(f"Spark ended by itself; the reason stands in {self.logs / 'spark.log'}")
        if not self._services.is_alive():
            log = self.logs / "services.log"
            raise WorkspaceError(f"The workspace's services ended by themselves; the reason stands in {log}")
