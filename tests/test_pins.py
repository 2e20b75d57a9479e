"""What is pinned and locked, held against what a serverless environment already has.

`commands/environments/` of local_workspace lists the packages of each version, with their source.
"""

import json
import tomllib
from pathlib import Path

import pytest
from local_workspace.commands.lock import COMPUTE, ENVIRONMENTS, NEVER, _versions

from hooks.lock import LOCKS

REPOSITORY = Path(__file__).parents[1]
PINS = json.loads((REPOSITORY / "cookiecutter.json").read_text())["_pins"]
MOVED = {  # what is replaced in the environment, and why
    "4": {
        "mlflow-skinny": "a part of mlflow, so 3.7.0 in place of 2.22",
        "importlib-metadata": "mlflow-skinny 3.7.0 needs a newer one",
        "databricks-sdk": "the client needs a newer one",
        "protobuf": "the newest patch of 5.29, which the environment's own range has",
    },
    "5": {
        "mlflow-skinny": "a part of mlflow, so 3.7.0 in place of 3.8",
        "databricks-sdk": "the client needs a newer one",
        "protobuf": "the newest patch of 5.29, which the environment's own range has",
    },
    "6": {"databricks-sdk": "the client needs a newer one"},
}


def locked(version):
    return _versions((LOCKS / f"environment_{version}.txt").read_text().splitlines())


def of_the_environment(version):
    return _versions((ENVIRONMENTS / f"{version}.txt").read_text().splitlines())


@pytest.mark.parametrize("version", PINS)
def test_as_little_as_can_be_moves_in_the_environment(version):
    own, pins = of_the_environment(version), [f"{name}=={pin}" for name, pin in PINS[version].items()]
    installed = locked(version) | _versions(pins)

    assert {name for name in installed.keys() & own if installed[name] != own[name]} == set(MOVED[version])
    assert not set(NEVER) & installed.keys()


@pytest.mark.parametrize("version", PINS)
def test_laptops_have_what_the_environment_gets(version):
    packages = tomllib.loads((LOCKS / f"uv_{version}.lock").read_text())["package"]
    on_laptops = {package["name"]: package.get("version") for package in packages}
    own, pins = of_the_environment(version), _versions([f"{n}=={p}" for n, p in PINS[version].items()])

    for name, number in (locked(version) | pins | {name: own[name] for name in COMPUTE}).items():
        assert on_laptops[name] == str(number), name


def test_the_projects_own_tests_have_the_same_pins():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    asked = project["dependency-groups"]["dev"]
    assert [pin for name, version in PINS["4"].items() if (pin := f"{name}=={version}") not in asked] == []
    packages = tomllib.loads((REPOSITORY / "uv.lock").read_text())["package"]
    have = {package["name"]: package.get("version") for package in packages}
    assert {name: have[name] for name in COMPUTE} == {n: str(of_the_environment("4")[n]) for n in COMPUTE}
