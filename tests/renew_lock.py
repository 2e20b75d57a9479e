"""Renews what bundles lock, after a pin or a dependency of local_workspace has changed.

uv run python tests/renew_lock.py [--upgrade]

For each version of the serverless environment it renders a bundle with a model by each algorithm, runs
`local-workspace lock` in it, and keeps its uv.lock, with three words in place of what differs from bundle to
bundle, and what its pins bring into the environment. With --upgrade every package moves to its newest
version; else only what has to.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TEMPLATE))

from hooks.algorithms import ALGORITHMS  # noqa: E402
from hooks.lock import LOCKS  # noqa: E402


def render(folder: str, version: str) -> Path:
    settings = {"cookiecutters_dir": folder, "replay_dir": folder}
    models = ", ".join(f"all/{name}:{found.types[0]}:{name}" for name, found in ALGORITHMS.items())
    answers = {"project": f"my_project_{version}", "models": models, "environment_version": version}
    keywords = {"no_input": True, "output_dir": folder, "default_config": settings}
    return Path(cookiecutter(str(TEMPLATE), extra_context=answers, **keywords))


def renew(bundle: Path, version: str) -> None:
    upgrade = sys.argv[1:]
    print(f"environment {version}", flush=True)
    subprocess.run([sys.executable, "-m", "uv", "lock", "--quiet", *upgrade], cwd=bundle, check=True)
    subprocess.run([sys.executable, "-m", "local_workspace", "lock", *upgrade], cwd=bundle, check=True)
    (wheel,) = (bundle / "packages").iterdir()
    text = re.sub(f"my[-_]project[-_]{version}[-_]ml", "PROJECT_ml", (bundle / "uv.lock").read_text())
    text = text.replace(wheel.name.split("-")[1], "LOCAL_WORKSPACE_VERSION")
    block = r'(\{ filename = "local_workspace-LOCAL_WORKSPACE_VERSION.*hash = "sha256:)[0-9a-f]+'
    (LOCKS / f"uv_{version}.lock").write_text(re.sub(block, r"\1LOCAL_WORKSPACE_SHA256", text))
    below = (bundle / "resources/ml/ml_environment.yml").read_text().partition("# What these bring")[2]
    locked = re.findall(r"^      - (\S+==\S+)$", below, re.MULTILINE)
    (LOCKS / f"environment_{version}.txt").write_text("".join(f"{line}\n" for line in locked))


def main() -> None:
    os.environ["UV_PYTHON"] = sys.executable
    versions = json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8"))["_pins"]
    with tempfile.TemporaryDirectory() as folder:
        for version in versions:
            renew(render(folder, version), version)


if __name__ == "__main__":
    main()
