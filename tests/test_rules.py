"""What is rendered keeps the bundle's own rules, also after each edit that its README invites."""

import os
import re
import shutil
import subprocess
import sys

import owner_edits
import pytest
import yaml
from baking import render
from local_workspace.rules.bundle_files import BundleFiles
from local_workspace.rules.checking import broken
from models import MANY, TYPES

DOMAINS = ("sales", "json", "mlflow", "pandas", "sklearn")  # names that packages have too
NAMED_LIKE_PACKAGES = ", ".join(
    f"{domain}/{domain}_{n}:{kind}" for domain in DOMAINS for n, kind in enumerate(TYPES)
)
ANSWERS = [
    {"models": "databricks/xgboost:classification:xgboost", "ci": "none"},
    {"models": "a/tier:multiclass:xgboost, a/grade:multiclass:linear", "ci": "none"},
    {"ci": "gitlab"},
    {"models": NAMED_LIKE_PACKAGES, "ci": "github"},
    {"history_domains": "sales"},
]


@pytest.mark.parametrize("answers", ANSWERS, ids=["1 model", "classes", "3 models", "25 models", "history"])
def test_a_fresh_bundle_keeps_the_rules(answers, bake):
    root = bake(project="shop", **answers)
    # As its owner runs it, without the pytest plugins that happen to be installed here.
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_rules.py"]
    done = subprocess.run(command, cwd=root, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    command = [sys.executable, "-m", "local_workspace", "check"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"All \d+ rules are kept\.\n", done.stdout)


def test_a_broken_bundle_fails_its_test_with_the_sentences_alone(bake):
    root = bake()
    file = root / "resources/ml/ml_training_pipeline.yml"
    file.write_text(file.read_text().replace("run_if: ALL_DONE", "run_if: ALL_SUCCESS"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_rules.py"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 1
    assert ": run_if of the status task is ALL_SUCCESS" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.fixture(scope="module")
def fresh(template, tmp_path_factory):
    return render(template, tmp_path_factory.mktemp("fresh"))


@pytest.mark.parametrize("name", owner_edits.EDITS)
def test_an_edit_that_the_readme_invites_breaks_no_rule(fresh, tmp_path, name):
    bundle = shutil.copytree(fresh, tmp_path / "bundle")
    owner_edits.apply(bundle, owner_edits.EDITS[name])
    assert broken(BundleFiles(bundle)) == []


def test_every_yaml_file_parses_and_no_template_tag_is_left(bake):
    bundle = bake(models=MANY)
    for path in bundle.rglob("*"):
        if path.is_file() and path.suffix not in (".lock", ".whl") and "tests" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"<<\s*(cookiecutter|model|domain)|<%|%>|^\s*# % ", text, re.M), path
            if path.suffix in (".yml", ".yaml"):
                yaml.load(text, Loader=yaml.CSafeLoader)
