"""Runs a bundle's tests with other versions than the pins, without changing anything here.

uv run --isolated --python 3.12 python tests/try_versions.py newest
uv run --isolated --python 3.12 python tests/try_versions.py mlflow==3.8.1 xgboost==3.4.0

`newest` takes the newest mlflow 3, Feature Engineering client, scikit-learn and xgboost that go
together with the other pins on the Python that runs this, which must be 3.12. It prints the set and
what the tests say, and ends with their exit code.
"""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parents[1]
PINS = json.loads((TEMPLATE / "cookiecutter.json").read_text())["_pins"]["4"]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MOVING = {"mlflow": "<4", "databricks-feature-engineering": "", "scikit-learn": "", "xgboost": ""}


def asked() -> dict[str, str]:
    """What is asked of each package that moves, for example `<4` or `==3.8.1`."""
    if sys.argv[1:] == ["newest"]:
        return MOVING
    given = dict(argument.split("==") for argument in sys.argv[1:] if argument.count("==") == 1)
    if not given or len(given) < len(sys.argv[1:]) or set(given) - set(PINS):
        sys.exit(f"Give `newest`, or name==version for one or more of {', '.join(PINS)}.")
    return {name: f"=={version}" for name, version in given.items()}


def render(folder: str) -> Path:
    settings = {"cookiecutters_dir": folder, "replay_dir": folder}
    return Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=folder, default_config=settings))


def lock(bundle: Path, moving: dict[str, str]) -> dict[str, str]:
    """Locks the bundle with what is asked for; returns the version of each pinned package."""
    project, environment = bundle / "pyproject.toml", bundle / "resources/ml/ml_environment.yml"
    ours = project.read_text().replace('">=3.12,<3.13"', f'"=={PYTHON}.*"')
    for name, wanted in moving.items():
        assert f"{name}=={PINS[name]}" in ours
        ours = ours.replace(f'"{name}=={PINS[name]}"', f'"{name}{wanted}"')
    project.write_text(ours)
    if uv(bundle, "lock", "--quiet", *(f"--upgrade-package={name}" for name in moving)):
        sys.exit("These versions do not go together; uv says why above.")
    packages = tomllib.loads((bundle / "uv.lock").read_text())["package"]
    locked = {package["name"]: package["version"] for package in packages}
    pinned = environment.read_text()
    for name, wanted in moving.items():
        pinned = pinned.replace(f"{name}=={PINS[name]}", f"{name}=={locked[name]}")
        ours = ours.replace(f'"{name}{wanted}"', f'"{name}=={locked[name]}"')
    environment.write_text(pinned)
    project.write_text(ours)
    uv(bundle, "lock", "--quiet")
    return {name: locked[name] for name in PINS}


def uv(bundle: Path, *arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "uv", *arguments], cwd=bundle).returncode


def main() -> int:
    moving = asked()
    os.environ["UV_PYTHON"] = sys.executable
    os.environ.pop("VIRTUAL_ENV", None)
    with tempfile.TemporaryDirectory() as folder:
        bundle = render(folder)
        versions = lock(bundle, moving)
        print(
            f"Python {PYTHON}, " + ", ".join(f"{name} {version}" for name, version in versions.items()),
            flush=True,
        )
        return uv(bundle, "run", "pytest", "-q")


if __name__ == "__main__":
    sys.exit(main())
