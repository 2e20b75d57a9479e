"""The Spark Connect server, with Delta and a metastore that lasts.

Stands for serverless compute's Spark: https://spark.apache.org/docs/4.0.1/spark-connect-overview.html
"""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from local_workspace.compute import spark_jars
from local_workspace.compute.causes import cause
from local_workspace.compute.class_archive import ClassArchive
from local_workspace.compute.java import java
from local_workspace.compute.spark_settings import SMALL_DATA
from local_workspace.errors import WorkspaceError

START_SECONDS = 120
STARTED = re.compile(r"Spark Connect server started at: \S+:(\d+)")
JVM = (
    *("-Xmx2g", "-Xms1g", "-Xmn400m", "-XX:MetaspaceSize=400m"),  # fewer collections
    *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=256m"),
    # Classes of pinned jars need no verification, which is a tenth of what a start costs.
    *("-XX:+UnlockDiagnosticVMOptions", "-XX:-BytecodeVerificationRemote"),
    "-Duser.timezone=UTC",
)
OPENED = (  # to Spark, as its launcher does: org.apache.spark.launcher.JavaModuleOptions
    *("java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect"),
    *("java.base/java.io", "java.base/java.net", "java.base/java.nio", "java.base/java.util"),
    *("java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic"),
    *("java.base/jdk.internal.ref", "java.base/sun.nio.ch", "java.base/sun.nio.cs"),
    *("java.base/sun.security.action", "java.base/sun.util.calendar"),
    "java.security.jgss/sun.security.krb5",
)
MODULES = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--add-modules=jdk.incubator.vector",
    *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENED),
    *("-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true"),
    "-Dderby.connection.requireAuthentication=false",
)


class SparkServer:
    """A Spark Connect server on a free loopback port.

    `state` holds its tables (`warehouse/`), its catalog (`metastore_db/`) and its log; `folder` is for what
    does not last. `java_release` is what Java says of its version, `python_daemon` the module that Spark's
    Python workers begin with.
    """

    def __init__(
        self, state: Path, folder: Path, token: str, lock: TextIO, java_release: str, python_daemon: str
    ):
        self._state = state
        self._folder = folder
        self._token = token
        self._lock = lock
        self._java_release = java_release
        self._python_daemon = python_daemon
        self._log = state / "logs" / "spark.log"

    def start(self, environment: dict[str, str]) -> None:
        """Begins to start Spark, after it has fetched Delta's jars where they are missing."""
        jars = spark_jars.class_path() or spark_jars.fetch(self._log, environment)
        listed = self._folder / "classes"
        self._archive = ClassArchive(java(), self._java_release, (*MODULES, *JVM), jars, listed)
        with open(self._log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*spark_jars.WATCHED, *self._command()],
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
        from local_workspace.compute.spark_catalog import open_catalog  # while Spark starts

        deadline = time.monotonic() + START_SECONDS
        while self.alive() and time.monotonic() < deadline:
            log = self._log.read_text(encoding="utf-8", errors="replace")
            if match := STARTED.search(log):
                open_catalog(f"localhost:{match[1]}", self._token)  # while tasks' libraries load
                return f"sc://localhost:{match[1]}/;token={self._token};user_id=local"
            time.sleep(0.05)
        why = cause(self._log.read_text(encoding="utf-8", errors="replace"))
        raise WorkspaceError(f"Spark did not start{f': {why}' if why else ''}; its words are in {self._log}")

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends Spark, gently for five seconds."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
        assert self._process.stdin is not None  # but a pipe
        self._process.stdin.close()
        self._archive.make()

    def _command(self) -> list[str]:
        settings = {
            "spark.master": "local[*]",
            "spark.app.name": "local_workspace",
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
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.connect.session.manager.defaultSessionTimeout": "7d",
            "spark.sql.connect.serverStacktrace.enabled": "false",  # a task's reason is a sentence
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": "0",
            "spark.ui.enabled": "false",
            "java.io.tmpdir": self._folder,
        }
        properties = [f"-D{key}={value}" for key, value in settings.items()]
        server = "org.apache.spark.sql.connect.service.SparkConnectServer"
        return [*self._archive.command(), *properties, server]
