"""The Spark Connect server, with Delta and a metastore that lasts.

Stands for serverless compute's Spark: https://spark.apache.org/docs/4.0.1/spark-connect-overview.html
"""

import os
import re
import signal
import subprocess
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from local_workspace.errors import WorkspaceError

START_SECONDS = 300  # the first start downloads Delta's jars
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
JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"


class SparkServer:
    """A Spark Connect server on a free loopback port.

    `state` holds its tables (`warehouse/`), its catalog (`metastore_db/`) and its log.
    """

    def __init__(self, state: Path, token: str):
        self._state = state
        self._token = token
        self._log = state / "logs" / "spark.log"
        self._pid = state / "spark.pid"

    def start(self, environment: dict) -> None:
        self._stop_orphan()
        with open(self._log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._state,  # where Derby keeps the metastore
                env=environment | {"SPARK_CONNECT_AUTHENTICATE_TOKEN": self._token},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the caller, who stops this in order
            )
        self._pid.write_text(str(self._process.pid))

    def url(self) -> str:
        """The `sc://` address, once the server answers; it holds the token that keeps others out."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if match := STARTED.search(self._log.read_text(encoding="utf-8", errors="replace")):
                return f"sc://localhost:{match[1]}/;token={self._token};user_id=local"
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise WorkspaceError(f"Spark did not start; the reason stands in {self._log}")

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        _end(self._process.pid)
        self._process.wait()
        self._pid.unlink(missing_ok=True)

    def _stop_orphan(self) -> None:
        """Ends the server of a run that was killed, which still holds the metastore."""
        if self._pid.exists():
            pid = int(self._pid.read_text())
            command = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
            if str(self._state) in command.stdout:
                _end(pid)

    def _command(self) -> list:
        spark_home = Path(find_spec("pyspark").origin).parent
        settings = {
            "spark.jars.packages": f"io.delta:delta-spark_2.13:{version('delta-spark')}",
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.sql.catalogImplementation": "hive",
            # The default asks child processes where files are; one JVM alone writes these tables.
            "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
            "spark.sql.warehouse.dir": self._state / "warehouse",
            "spark.sql.sources.default": "delta",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            **SMALL_DATA,
            "spark.driver.memory": "2g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.connect.session.manager.defaultSessionTimeout": "7d",
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": "0",
            "spark.ui.enabled": "false",
            "spark.driver.extraJavaOptions": f"{JVM} -Duser.timezone=UTC",
        }
        command = [spark_home / "bin" / "spark-submit", "--master", "local[*]"]
        for key, value in settings.items():
            command += ["--conf", f"{key}={value}"]
        server = "org.apache.spark.sql.connect.service.SparkConnectServer"
        return [*command, "--class", server, "spark-internal"]


def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
        for _ in range(100):
            try:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    return
            except ChildProcessError:
                try:
                    os.kill(pid, 0)
                except ProcessLookupError:
                    return
            time.sleep(0.05)
