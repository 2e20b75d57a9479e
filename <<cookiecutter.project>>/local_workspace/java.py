"""The Java that Spark runs on."""

import subprocess

from local_workspace.errors import WorkspaceError


def require_java() -> None:
    """Raises where the PATH has no Java that Spark can run on."""
    try:
        shown = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    except FileNotFoundError:
        shown = ""
    if not any(f'version "{release}' in shown for release in (17, 21)):
        raise WorkspaceError(
            "java: Spark needs Java 17 or 21 on the PATH; install it, for example openjdk-17"
        )
