"""Starts and stops the local workspace: its state, environment, Spark, HTTP services and task processes."""

import fcntl
import multiprocessing
import os
import secrets
import shutil
import socket
import subprocess
import uuid
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from local_workspace import notebook, spark_server
from local_workspace.rest_api import serve
from local_workspace.spark_server import SparkServer

STATE = ".local_workspace"
FOREIGN = ("DATABRICKS_", "MLFLOW_", "SPARK_", "PYSPARK_")  # a real workspace's settings do not reach in


class WorkspaceError(Exception):
    """The workspace cannot start; the message says why and what to do."""


class Task(NamedTuple):
    """A running notebook: its process, the connection that its result comes by, its Spark session."""

    process: multiprocessing.Process
    result: Connection
    session: str


class Workspace:
    """A running local workspace; use it in a `with`.

    `state` is the folder of everything that lasts: tables, MLflow's store, models, logs.
    """

    def __init__(self, bundle_root: Path):
        self.state = bundle_root / STATE
        self.logs = self.state / "logs"
        self._sessions = []

    def __enter__(self) -> "Workspace":
        _require_java()
        self.logs.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.state)
        token = secrets.token_hex(16)
        listener = socket.create_server(("127.0.0.1", 0))
        self._set_environment(listener.getsockname()[1], token)
        self._spark = SparkServer(self.state, secrets.token_hex(16))
        self._spark.start(dict(os.environ))
        try:
            self._processes = multiprocessing.get_context("forkserver")
            self._processes.set_forkserver_preload(["local_workspace.preload"])
            self._start_services(listener, token)
        except BaseException:
            self._spark.stop()
            raise
        return self

    def __exit__(self, *error) -> None:
        self._services.kill()
        self._services.join()
        self._spark.stop()
        self._lock.close()

    def start_notebook(self, path: Path, parameters: dict, task_values: dict, log: Path) -> "Task":
        """Starts a task's process in a Spark session that no other task is using."""
        session = self._sessions.pop() if self._sessions else str(uuid.uuid4())
        receiving, sending = self._processes.Pipe(duplex=False)
        process = self._processes.Process(
            target=notebook.run_notebook,
            args=(path, parameters, task_values, f"{self._spark_url};session_id={session}", log, sending),
        )
        process.start()
        sending.close()
        return Task(process, receiving, session)

    def end_notebook(self, task: "Task") -> None:
        """Ends a task's process; its session serves a later task, with Spark's Python workers warm."""
        task.process.join(timeout=1)
        if task.process.exitcode == 0:
            self._sessions.append(task.session)
        else:
            task.process.kill()  # what it began may still run in its session, which is left alone
            task.process.join()

    def check(self) -> None:
        """Raises where Spark has died, which tasks would wait for."""
        if not self._spark.alive():
            raise WorkspaceError(f"Spark ended by itself; the reason stands in {self.logs / 'spark.log'}")

    def _set_environment(self, port: int, token: str) -> None:
        for name in list(os.environ):
            if name.startswith(FOREIGN):
                del os.environ[name]
        local_store = f"sqlite:///{self.state}/mlflow.db"
        os.environ |= spark_server.environment() | {
            "DATABRICKS_HOST": f"http://127.0.0.1:{port}",
            "DATABRICKS_TOKEN": token,
            "DATABRICKS_CONFIG_FILE": str(self.state / "no.databrickscfg"),
            "MLFLOW_TRACKING_URI": local_store,
            "MLFLOW_REGISTRY_URI": "databricks-uc",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MPLBACKEND": "agg",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

    def _start_services(self, listener: socket.socket, token: str) -> None:
        ready, tell_ready = self._processes.Pipe(duplex=False)
        take_url, give_url = self._processes.Pipe(duplex=False)
        self._services = self._processes.Process(
            target=serve,
            args=(listener, token, self.state, take_url, tell_ready),
            daemon=True,
        )
        with _output_to(self.logs / "services.log"):
            self._services.start()  # this also starts the process that tasks are forked from
        tell_ready.close()
        self._expect(ready, "registry")
        self._spark_url = self._spark.url()
        give_url.send(self._spark_url)
        self._expect(ready, "serving")

    def _expect(self, ready: Connection, word: str) -> None:
        try:
            assert ready.recv() == word
        except EOFError:
            raise WorkspaceError(f"The services did not start; the reason stands in {self.logs}") from None


@contextmanager
def _output_to(path: Path):
    """Sends what processes started in here write to a file."""
    terminal = [os.dup(1), os.dup(2)]
    with open(path, "w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        for number, saved in enumerate(terminal, start=1):
            os.dup2(saved, number)
            os.close(saved)


def reset(bundle_root: Path) -> None:
    """Removes all state, unless a run is using it."""
    state = bundle_root / STATE
    if state.exists():
        lock = _lock(state)
        shutil.rmtree(state)
        lock.close()


def _lock(state: Path):
    lock = open(state / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise WorkspaceError(f"{state} is in use by another run; wait for it, or work in a copy") from None
    return lock


def _require_java() -> None:
    try:
        shown = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    except FileNotFoundError:
        shown = ""
    if not any(f'version "{release}' in shown for release in (17, 21)):
        raise WorkspaceError(
            "java: Spark needs Java 17 or 21 on the PATH; install it, for example openjdk-17"
        )
