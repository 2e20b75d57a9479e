"""Renews the uv.lock that bundles get, after a pin or a dependency of local_workspace has changed.

uv run python tests/renew_lock.py [--upgrade]

It renders a bundle with a model by each algorithm, has uv lock it, and keeps the lock with three words in
place of what differs from bundle to bundle. With --upgrade every package moves to its newest version; else
only what has to.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TEMPLATE))

from hooks.algorithms import ALGORITHMS  # noqa: E402

LOCK = TEMPLATE / "<<cookiecutter.project>>/uv.lock"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"cookiecutters_dir": folder, "replay_dir": folder}
        models = [f"all/{name}:{found.types[0]}:{name}" for name, found in ALGORITHMS.items()]
        answers = {"project": "my_project", "models": ", ".join(models)}
        bundle = Path(
            cookiecutter(
                str(TEMPLATE),
                no_input=True,
                extra_context=answers,
                output_dir=folder,
                default_config=settings,
            )
        )
        done = subprocess.run([sys.executable, "-m", "uv", "lock", *sys.argv[1:]], cwd=bundle)
        text = (bundle / "uv.lock").read_text()
        (wheel,) = (bundle / "packages").iterdir()
    if done.returncode:
        return done.returncode
    version = wheel.name.split("-")[1]
    text = re.sub("my[-_]project[-_]ml", "PROJECT_ml", text).replace(version, "LOCAL_WORKSPACE_VERSION")
    block = r'(\{ filename = "local_workspace-LOCAL_WORKSPACE_VERSION.*hash = "sha256:)[0-9a-f]+'
    LOCK.write_text(re.sub(block, r"\1LOCAL_WORKSPACE_SHA256", text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
