"""A local workspace that this process starts: Spark, the services, and the processes of tasks."""

import secrets
import socket
import tempfile
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from local_workspace.api.services import run_services
from local_workspace.compute import python_workers
from local_workspace.compute.causes import end_of
from local_workspace.compute.java import require_java
from local_workspace.compute.spark_server import SparkServer
from local_workspace.compute.spark_sessions import end_session
from local_workspace.errors import WorkspaceError
from local_workspace.options import option
from local_workspace.workspace import belonging, damage, machine, state, unnamed
from local_workspace.workspace.environment import make_environment, private
from local_workspace.workspace.processes import Processes
from local_workspace.workspace.tasks import Settings, Task
from local_workspace.workspace.temporary import own_folder


class Workspace:
    """A local workspace that runs within a `with`.

    `root` is the bundle's folder; `state` is the folder of what lasts, `logs` is in it; `folder` is for
    sockets and files of the moment, which only its owner can read; `notice` is a sentence on what was done
    to the state, empty if nothing was.
    """

    def __init__(self, bundle_root: Path):
        self.root = bundle_root
        self.state = bundle_root / state.NAME
        self.logs = self.state / "logs"

    def __enter__(self) -> "Workspace":
        machine.check()
        state.check_path(self.state)
        self._java_release = require_java()
        allowed = option(self.root, "environment", [])
        self._memory_mb = option(self.root, "task_memory_mb", 0)
        with ExitStack() as undo:
            self._lock = undo.enter_context(state.lock(self.state))
            damage.check(self.state)
            self._known = damage.identify(self.state)
            self._start(allowed, undo)
            self._end = undo.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        if error == (None, None, None):
            unnamed.end(self.state)
        self._end.close()

    def _start(self, allowed: list[str], undo: ExitStack) -> None:
        """Starts Spark and the services; `undo` ends them."""
        mlflow_folder, token = state.mlflow_folder(self.state), secrets.token_hex(16)
        notices = belonging.make_own(self.state, mlflow_folder), unnamed.begin(self.state)
        self.notice = " ".join(filter(None, notices))
        damage.check_room(Path(tempfile.gettempdir()))
        self.folder = undo.enter_context(own_folder())
        temporary = self.folder / "tmp"
        temporary.mkdir(mode=0o700)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            environment = make_environment(self.state, mlflow_folder, temporary, port, token, allowed)
            self._environment = environment
            python = python_workers.prepare(self.folder)
            spark_token, daemon = secrets.token_hex(16), python_workers.DAEMON
            self._spark = SparkServer(
                self.state, self.folder, spark_token, self._lock, self._java_release, daemon
            )
            with private(environment):
                self._spark.start(environment | python)
                undo.callback(self._spark.stop)
                self._processes = Processes(self.logs / "services.log")
                undo.callback(self._processes.stop)
            self._spark_url = self._spark.url()
            belonging.note(self.state)  # a catalog that Spark has made just now
            arguments = (listener, token, self.state, mlflow_folder, self._spark_url)
            try:
                self._services = self._processes.start(run_services, *arguments, daemon=True)
            except EOFError:
                log = self.logs / "services.log"
                raise WorkspaceError(end_of("The workspace's services did not start", log)) from None
            undo.callback(self._processes.end, self._services)
            self._workers = self._processes.start(python_workers.serve, self.folder, self.root, daemon=True)
            undo.callback(self._processes.end, self._workers)
            undo.callback(self._processes.close)  # before all else: a task would wait for what has ended

    def connection(self) -> tuple[dict[str, str], str]:
        """The environment, and the address of a Spark session, of a process that is to be like a task's."""
        return self._environment, f"{self._spark_url};session_id={uuid.uuid4()}"

    def start(self, function: Callable[..., None], *arguments: object) -> Task:
        """Starts `function(settings, answer, *arguments)` in a process and a Spark session of its own."""
        session = str(uuid.uuid4())
        receiving, sending = self._processes.pipe()
        settings = Settings(self.root, f"{self._spark_url};session_id={session}", self._memory_mb)
        process = self._processes.start(function, settings, sending, *arguments)
        sending.close()
        return Task(process, receiving, session)

    def end(self, task: Task) -> None:
        """Ends a task's process and its session, with the queries and streams that still run in it."""
        task.process.join(timeout=1)
        ended = task.process.exitcode == 0
        self.kill(task)
        if not ended:
            self._processes.start(end_session, f"{self._spark_url};session_id={task.session}", daemon=True)

    def kill(self, task: Task) -> None:
        self._processes.end(task.process)

    def check(self) -> None:
        """Raises where a disk is full, something was removed, or what this has started does not work."""
        self._known = damage.check_there(self.state, self._lock, self._known)
        for folder in (self.logs, self.folder):
            if not folder.exists():
                raise WorkspaceError(damage.removed(folder))
        for folder in (self.state, self.folder):
            damage.check_room(folder)
        damage.check_catalog_started(self.state)
        if not self._spark.alive():
            raise WorkspaceError(end_of("Spark ended by itself", self.logs / "spark.log"))
        self._processes.check()
        log = self.logs / "services.log"
        if not self._services.is_alive():
            raise WorkspaceError(end_of("The workspace's services ended by themselves", log))
        if not self._workers.is_alive():
            raise WorkspaceError(end_of("Spark's Python workers ended by themselves", log))
