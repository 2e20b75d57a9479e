"""The Java that Spark runs on."""

import os
import re
import subprocess
from pathlib import Path

from local_workspace.compute.causes import cause
from local_workspace.errors import WorkspaceError

SECONDS = 30  # in which it says its version
NOT_SPARKS = ("JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")  # which change this Java, and do not reach Spark's
LOCALE = {"LC_ALL": "C.UTF-8"}  # or Java cannot open a path with a letter outside ASCII


def java() -> str:
    """The command: that of JAVA_HOME, else that of the PATH."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin/java")) if home else "java"


def require_java() -> str:
    """What it says of its version; raises where Spark cannot run on it."""
    given = {name: value for name, value in os.environ.items() if name not in NOT_SPARKS}
    try:
        done = subprocess.run(
            [java(), "-version"], capture_output=True, text=True, errors="replace", timeout=SECONDS, env=given
        )
        shown = done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        raise WorkspaceError(
            f"{java()} has not said its version in {SECONDS} s; if this machine is busy, run this again, "
            "else name another Java by JAVA_HOME"
        ) from None
    except OSError as error:
        shown = str(error)
    if any(f'version "{release}' in shown for release in (17, 21)):
        return shown
    if why := cause(shown):
        raise WorkspaceError(f"Java does not start: {why}")
    options = re.search("Picked up JAVA_TOOL_OPTIONS: (.*)", shown)
    if options and 'version "' not in shown:
        raise WorkspaceError(f"JAVA_TOOL_OPTIONS: Java does not start with {options[1]}; correct or unset it")
    if "JAVA_HOME" in os.environ:
        raise WorkspaceError(
            f"JAVA_HOME: Spark needs Java 17 or 21, and {java()} does not say that it is one; "
            "set JAVA_HOME to one, or unset it"
        )
    raise WorkspaceError("java: Spark needs Java 17 or 21 on the PATH; install it, for example openjdk-17")
