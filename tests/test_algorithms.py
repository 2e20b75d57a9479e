"""An algorithm is one file: what it serves and needs stands there, and all else follows from it."""

import ast
import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from baking import REPOSITORY, add_algorithm, render_apart
from models import EXTRA_TREES

from hooks import algorithms

SOURCE = REPOSITORY / "<<cookiecutter.project>>/src/<<cookiecutter.project>>_ml"
FILES = [SOURCE / "notebooks.txt", *sorted((SOURCE / "train").rglob("*.py"))]
TEMPLATE_LINE = re.compile(r" *# % (\w+)|<% (\w+)")
WITHOUT_XGBOOST = "a/b:regression:linear, a/c:classification:random_forest, a/d:anomaly:isolation_forest"
BUNDLES = {
    WITHOUT_XGBOOST: set(),
    f"{WITHOUT_XGBOOST}, a/e:regression:xgboost": {"xgboost"},
    f"{WITHOUT_XGBOOST}, a/f:classification:spark_xgboost": {"xgboost"},
}


def template_lines(file):
    found = map(TEMPLATE_LINE.match, file.read_text("utf-8").splitlines())
    return [match[1] or match[2] for match in found if match]


def test_trainings_have_few_template_lines():
    assert sum(len(template_lines(file)) for file in FILES) <= 85


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_condition_of_a_training_stands_in_another(file):
    depth = 0
    for word in template_lines(file):
        depth += {"if": 1, "endif": -1}.get(word, 0)
        assert 0 <= depth <= 1


@pytest.mark.parametrize("file", FILES[1:], ids=lambda file: file.name)
def test_each_part_of_a_training_is_python(file):
    """Where << >> stands for a name."""
    ast.parse(re.sub("<<.+?>>", "name", file.read_text("utf-8")))


@pytest.mark.parametrize("name", algorithms.ALGORITHMS)
def test_an_algorithm_is_named_where_it_is_chosen(name):
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    prompts = json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))["__prompts__"]
    types = ", ".join(f"`{kind}`" for kind in algorithms.ALGORITHMS[name].types)
    assert f"| `{name}` | {types} |" in readme
    assert re.search(rf"\b{name}\b", prompts["models"])


@pytest.mark.parametrize("name", algorithms.ALGORITHMS)
def test_what_an_algorithm_needs_is_pinned(name):
    pins = json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))["_pins"]["4"]
    assert set(algorithms.ALGORITHMS[name].packages) <= set(pins)


@pytest.mark.parametrize("models", BUNDLES, ids=["without", "xgboost", "spark_xgboost"])
def test_a_bundle_has_only_what_its_models_need(bake, environment, models):
    """In the YAML, in pyproject.toml and in uv.lock, which fits as it was rendered."""
    bundle = bake(models=models)
    variables = yaml.safe_load((bundle / "resources/ml/ml_environment.yml").read_text())["variables"]
    pins = variables["ml_dependencies"]["default"]
    asked = tomllib.loads((bundle / "pyproject.toml").read_text())["project"]["dependencies"]
    locked = tomllib.loads((bundle / "uv.lock").read_text())["package"]
    expected = BUNDLES[models]
    assert asked == pins[: len(asked)] and {pin.split("==")[0] for pin in asked} & {"xgboost"} == expected
    for names in ({package["name"] for package in locked}, {pin.split("==")[0] for pin in pins}):
        assert names & {"xgboost", "nvidia-nccl-cu13"} == (expected and {"xgboost", "nvidia-nccl-cu13"})
    if "ml_libraries" in variables:
        assert variables["ml_libraries"]["default"] == [{"pypi": {"package": pin}} for pin in asked]
    command = [sys.executable, "-m", "uv", "sync", "--locked", "--dry-run"]
    done = subprocess.run(command, cwd=bundle, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_one_file_adds_an_algorithm(template, tmp_path):
    """Scikit-learn's extra trees, checked and formatted; tests/notebooks trains it and scores with it."""
    bundle = render_apart(add_algorithm(template, tmp_path), tmp_path, models=EXTRA_TREES)
    for command in ("ruff check", "ruff format --check", "local_workspace check"):
        done = subprocess.run(
            [sys.executable, "-m", *command.split()], cwd=bundle, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "import ExtraTreesRegressor" in next(bundle.rglob("train_refund.py")).read_text()
