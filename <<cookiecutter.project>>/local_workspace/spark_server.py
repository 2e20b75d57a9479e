"""The Spark Connect server, with Delta and a metastore that lasts.

Stands for serverless compute's Spark: https://spark.apache.org/docs/4.0.1/spark-connect-overview.html
"""

import os
import pwd
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from local_workspace.errors import WorkspaceError

START_SECONDS = 300  # the first start downloads Delta's jars
REACH_SECONDS = 45  # to find them
DELTA = "delta-spark_2.13"
NO_JARS = (
    "Spark cannot fetch Delta's jars from Maven Central; check the network, or set JAVA_TOOL_OPTIONS to "
    "-Dhttps.proxyHost=... -Dhttps.proxyPort=... for a proxy, DEFAULT_ARTIFACT_REPOSITORY for a mirror"
)
STARTED = re.compile(r"Spark Connect server started at: \S+:(\d+)")
SMALL_DATA = {  # what pays off for many rows costs a quarter of all time for few
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.stats.skipping": "false",
    "spark.databricks.delta.stats.collect": "false",
}
WATCHDOG = Path(__file__).with_name("watchdog.py")
JVM = (  # classes of pinned jars need no verification, which is a tenth of what a start costs
    "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m "
    "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
)


class SparkServer:
    """A Spark Connect server on a free loopback port.

    `state` holds its tables (`warehouse/`), its catalog (`metastore_db/`) and its log; `folder` is for what
    does not last. `python_daemon` is the module that its Python workers begin with.
    """

    def __init__(self, state: Path, folder: Path, token: str, lock: TextIO, python_daemon: str):
        self._state = state
        self._folder = folder
        self._token = token
        self._lock = lock
        self._python_daemon = python_daemon
        self._log = state / "logs" / "spark.log"

    def start(self, environment: dict) -> None:
        with open(self._log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-ES", WATCHDOG, *self._command()],
                cwd=self._state,  # where Derby keeps the metastore
                env=environment | {"SPARK_CONNECT_AUTHENTICATE_TOKEN": self._token},
                stdin=subprocess.PIPE,  # which closes with this process
                pass_fds=[self._lock.fileno()],  # kept until Spark has ended
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the caller, who stops this in order
            )

    def url(self) -> str:
        """The `sc://` address, once the server answers; it holds the token that keeps others out."""
        begin = time.monotonic()
        while self.alive() and (waited := time.monotonic() - begin) < START_SECONDS:
            log = self._log.read_text(encoding="utf-8", errors="replace")
            if match := STARTED.search(log):
                return f"sc://localhost:{match[1]}/;token={self._token};user_id=local"
            if waited > REACH_SECONDS and "found io.delta" not in log:
                raise WorkspaceError(NO_JARS)
            time.sleep(0.05)
        log = self._log.read_text(encoding="utf-8", errors="replace")
        if "UNRESOLVED DEPENDENCIES" in log:
            raise WorkspaceError(NO_JARS)
        raise WorkspaceError(f"Spark did not start; the reason stands in {self._log}")

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends Spark, gently for five seconds."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
        self._process.stdin.close()

    def _command(self) -> list:
        spark_home = Path(find_spec("pyspark").origin).parent
        settings = {
            "spark.jars.packages": f"io.delta:{DELTA}:{version('delta-spark')}",
            "spark.authenticate": "true",  # by a secret that Spark makes, on ports of its own
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.sql.catalogImplementation": "hive",
            # The default asks child processes where files are; one JVM alone writes these tables.
            "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
            "spark.hadoop.fs.permissions.umask-mode": "077",  # tables are their owner's alone, as all state
            "spark.sql.warehouse.dir": self._state / "warehouse",
            "spark.local.dir": self._folder,
            "spark.sql.sources.default": "delta",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            "spark.python.daemon.module": self._python_daemon,
            **SMALL_DATA,
            "spark.driver.memory": "2g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.connect.session.manager.defaultSessionTimeout": "7d",
            "spark.sql.connect.serverStacktrace.enabled": "false",  # a task's reason is a sentence
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": "0",
            "spark.ui.enabled": "false",
            "spark.driver.extraJavaOptions": f'{JVM} -Duser.timezone=UTC "-Djava.io.tmpdir={self._folder}"',
        }
        command = [spark_home / "bin" / "spark-submit", "--master", "local[*]"]
        for key, value in settings.items():
            command += ["--conf", f"{key}={value}"]
        server = "org.apache.spark.sql.connect.service.SparkConnectServer"
        return [*command, "--class", server, "spark-internal"]


def has_jars() -> bool:
    """Whether an earlier start has fetched Delta's jars."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)  # where Java looks, whatever HOME says
    return any(home.glob(f".ivy2*/jars/io.delta_{DELTA}-{version('delta-spark')}.jar"))
