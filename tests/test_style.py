"""One formatting and linting habit for all code, the template's own and what it renders."""

import subprocess
import sys

import pytest
from baking import REPOSITORY
from models import EVERY_KIND

RUFF = [sys.executable, "-m", "ruff"]


def assert_clean(folder, *command):
    done = subprocess.run([*RUFF, *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=["lint", "format"])
def test_the_templates_own_code_is_clean(command):
    assert_clean(REPOSITORY, *command)


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=["lint", "format"])
def test_rendered_code_is_clean(bake, command):
    assert_clean(bake(models=EVERY_KIND), *command)


def test_every_function_of_the_product_is_annotated(bake):
    annotated = ("check", "--select=ANN", "--ignore=ANN204,ANN401")
    assert_clean(bake(models=EVERY_KIND), *annotated, "src")
    assert_clean(REPOSITORY, *annotated, "hooks")
