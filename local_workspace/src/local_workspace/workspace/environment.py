"""The environment variables that Spark, the services and every task get, and no others."""

import fnmatch
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from local_workspace.compute.java import LOCALE

ALLOWED = (  # a secret of yours, or a real workspace's settings, do not reach in
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LC_*", "VIRTUAL_ENV"),
    *("JAVA_HOME", "JAVA_TOOL_OPTIONS", "DEFAULT_ARTIFACT_REPOSITORY", "LD_LIBRARY_PATH", "DYLD_*"),
    *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "OMP_NUM_THREADS"),
)
SOURCE = str(Path(__file__).parents[2])  # where Python finds this package
OF_OUTPUT = ("PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONUTF8")  # which change nothing but that
OF_FILES = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")


def leave_python_variables() -> None:
    """Begins this command anew without the variables that change what Python finds and does.

    Python has read them before it comes here, and the processes of tasks would be like this one.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") or name in OF_OUTPUT + OF_FILES
    }
    if SOURCE in os.environ.get("PYTHONPATH", "").split(os.pathsep):  # who works on this package
        kept["PYTHONPATH"] = SOURCE
    if kept != dict(os.environ):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, "-m", "local_workspace", *sys.argv[1:]], kept)


def make_environment(
    state: Path, mlflow_folder: Path, temporary: Path, port: int, token: str, also: list[str]
) -> dict[str, str]:
    """Points every client to the local workspace, whose HTTP services answer on `port`.

    `temporary` is this run's own folder for temporary files: MLflow loads models from names in it that others
    could foretell. `also` are further variables that the bundle's owner lets in.
    """
    allowed = [*ALLOWED, *also]
    inherited = {k: v for k, v in os.environ.items() if any(fnmatch.fnmatchcase(k, a) for a in allowed)}
    cores = {"OMP_NUM_THREADS": "1"}  # tasks run side by side
    return (
        cores
        | inherited
        | {
            "DATABRICKS_HOST": f"http://127.0.0.1:{port}",
            "DATABRICKS_TOKEN": token,
            "DATABRICKS_CONFIG_FILE": str(state / "no.databrickscfg"),
            "NETRC": str(state / "no.netrc"),  # whose logins clients would send in place of the token
            **_settings_of_matplotlib(),
            "MLFLOW_TRACKING_URI": f"sqlite:///{mlflow_folder}/mlflow.db",
            "MLFLOW_REGISTRY_URI": "databricks-uc",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MPLBACKEND": "agg",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "PYSPARK_PYTHON": sys.executable,  # of Spark's workers
            "TMPDIR": str(temporary),
            "SPARK_LOCAL_IP": "127.0.0.1",
            **LOCALE,
        }
    )


def _settings_of_matplotlib() -> dict[str, str]:
    """Its own, in place of yours, where it is installed."""
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        return {}
    return {"MATPLOTLIBRC": str(Path(found.origin).parent / "mpl-data/matplotlibrc")}


@contextmanager
def private(environment: dict[str, str]) -> Iterator[None]:
    """What starts in here gets this environment, and makes files that their owner alone can read."""
    before, mask = dict(os.environ), os.umask(0o077)
    try:
        _become(environment)
        yield
    finally:
        _become(before)
        os.umask(mask)


def _become(environment: dict[str, str]) -> None:
    os.environ |= environment
    for name in set(os.environ) - set(environment):
        del os.environ[name]
