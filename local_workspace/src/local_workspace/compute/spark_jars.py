"""The jars that Spark runs with: those of PySpark, and Delta's, which Ivy fetches once per machine."""

import os
import pwd
import subprocess
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from zipfile import is_zipfile

from local_workspace.errors import WorkspaceError

FETCH_SECONDS = 300
REACH_SECONDS = 45  # to find them
NO_JARS = (
    "Spark cannot fetch Delta's jars from Maven Central; check the network, or set JAVA_TOOL_OPTIONS to "
    "-Dhttps.proxyHost=... -Dhttps.proxyPort=... for a proxy, DEFAULT_ARTIFACT_REPOSITORY for a mirror"
)
DELTA = "delta-spark_2.13"
WATCHED = (sys.executable, "-ES", str(Path(__file__).with_name("watchdog.py")))


def class_path() -> list[Path]:
    """Every jar, always in the same order; empty where Delta's have not been fetched."""
    for jars in _delta_jars():
        if all(map(is_zipfile, jars)):
            return [*sorted(_spark_home().glob("jars/*.jar")), *jars]
    return []


def _delta_jars() -> list[list[Path]]:
    """Where Ivy puts Delta's jars, in each of its folders."""
    release = version("delta-spark")
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)  # where Java looks, whatever HOME says
    names = (f"io.delta_{DELTA}-{release}.jar", f"io.delta_delta-storage-{release}.jar")
    return [[folder / name for name in names] for folder in sorted(home.glob(".ivy2*/jars"))]


def fetch(log: Path, environment: dict[str, str]) -> list[Path]:
    """Has Spark fetch Delta's jars, and returns every jar; raises where it cannot."""
    for jar in [jar for jars in _delta_jars() for jar in jars]:
        if jar.exists() and not is_zipfile(jar):  # of a fetch that was killed: Ivy takes it for whole
            jar.unlink()
    package = f"io.delta:{DELTA}:{version('delta-spark')}"
    submit = [str(_spark_home() / "bin/spark-submit"), "--packages", package, "--master", "local"]
    nothing = ["--class", "org.apache.hadoop.util.VersionInfo", "spark-internal"]  # to run with them
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [*WATCHED, *submit, *nothing],
            env=environment,
            stdin=subprocess.PIPE,  # which closes with this process, and ends that one
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    begin = time.monotonic()
    while process.poll() is None and (waited := time.monotonic() - begin) < FETCH_SECONDS:
        if waited > REACH_SECONDS and "found io.delta" not in log.read_text(errors="replace"):
            break
        time.sleep(0.1)
    assert process.stdin is not None  # but a pipe
    process.stdin.close()
    process.wait()
    if jars := class_path():
        return jars
    raise WorkspaceError(NO_JARS)


def derby_jars() -> list[Path]:
    """Those of Derby, which keeps Spark's catalog, and of its tools."""
    return sorted(_spark_home().glob("jars/derby*.jar"))


def _spark_home() -> Path:
    found = find_spec("pyspark")
    assert found is not None and found.origin is not None  # this depends on it
    return Path(found.origin).parent
