"""The pins, resolved as a serverless task installs them: upon what its environment already has.

tests/serverless_environments/ lists the packages of each environment version, with their source.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ENVIRONMENTS = Path(__file__).parent / "serverless_environments"
MOVING = {  # what is replaced in the environment, and why
    "4": {
        "mlflow-skinny": "a part of mlflow, so 3.7.0 in place of 2.22",
        "importlib-metadata": "mlflow-skinny 3.7.0 needs a newer one",
        "protobuf": "google-api-core, which comes with the client, needs a newer one",
        "googleapis-common-protos": "google-api-core needs a newer one",
        "certifi": "databricks-sdk, which comes with the client, needs a newer one from 0.159.0 on",
    },
    "5": {
        "mlflow-skinny": "a part of mlflow, so 3.7.0 in place of 3.8",
        "protobuf": "google-api-core, which comes with the client, needs a newer one",
        "googleapis-common-protos": "google-api-core needs a newer one",
        "certifi": "databricks-sdk, which comes with the client, needs a newer one from 0.159.0 on",
    },
}
NEVER = ("pyspark", "databricks-connect")  # the session's own; another version breaks it


def pins():
    answers = json.loads((Path(__file__).parents[1] / "cookiecutter.json").read_text())
    return [f"{name}=={version}" for name, version in answers["_pins"].items()]


def resolved(installed, tmp_path):
    """The versions that uv chooses for the pins on Python 3.12, keeping what is installed if it can."""
    asked, chosen = tmp_path / "pins.in", tmp_path / "pins.txt"
    asked.write_text("\n".join(pins()))
    kept = (f"{name}=={next(iter(r.specifier)).version}" for name, r in installed.items())
    chosen.write_text("\n".join(kept))  # uv prefers what an earlier resolution chose
    command = [sys.executable, "-m", "uv", "pip", "compile", asked, "--output-file", chosen]
    platform = ["--python-version", "3.12", "--python-platform", "linux", "--no-header", "--no-annotate"]
    done = subprocess.run([*command, *platform], capture_output=True, text=True)
    if done.returncode and ("error sending request" in done.stderr or "network" in done.stderr.lower()):
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    found = (Requirement(line) for line in chosen.read_text().splitlines() if line.strip())
    return {canonicalize_name(r.name): next(iter(r.specifier)).version for r in found}


@pytest.mark.parametrize("version", ["4", "5"])
def test_pins_move_few_packages_of_the_environment(version, tmp_path):
    lines = (ENVIRONMENTS / f"v{version}.txt").read_text().splitlines()
    requirements = (Requirement(line) for line in lines if line and not line.startswith("#"))
    installed = {canonicalize_name(r.name): r for r in requirements}
    chosen = resolved(installed, tmp_path)
    moved = {
        name
        for name, requirement in installed.items()
        if name in chosen and not requirement.specifier.contains(chosen[name], prereleases=True)
    }
    others = {name: chosen[name] for name in moved - set(MOVING[version])}
    assert not others  # of those in MOVING, an index that lacks the newest releases may keep some
    assert not set(NEVER) & set(chosen)


def test_the_projects_own_tests_have_the_same_pins():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    asked = project["dependency-groups"]["dev"]
    assert [pin for pin in pins() if pin not in asked] == []
