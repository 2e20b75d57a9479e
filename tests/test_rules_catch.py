"""Each way in which a team could break the rules later, and the sentence that their bundle says then.

The rules are the bundle's own, in `local_workspace/rules`; here every one of them is seen to fail.
"""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import REPOSITORY
from cookiecutter.main import cookiecutter
from rule_breakages import ALLOWED, BREAKAGES, CHURN, ENVIRONMENT, MLFLOW, TRAINING

TYPES = ("regression:xgboost", "regression:gradient_boosting", "classification:xgboost")
TYPES += ("classification:gradient_boosting", "anomaly:isolation_forest")
DOMAINS = ("sales", "json", "mlflow", "pandas", "sklearn")  # names that packages have too
MODELS = {
    1: "databricks/xgboost:classification:xgboost",
    3: json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))["models"],
    25: ", ".join(f"{domain}/{domain}_{n}:{kind}" for domain in DOMAINS for n, kind in enumerate(TYPES)),
}
SENTENCE = re.compile(r"(?P<file>[\w./-]+):(?P<line>\d+): .+; .+[^.]")
PLACE = re.compile(r"([\w./-]+):«(.+?)»")


@pytest.fixture(scope="module")
def bake(template, tmp_path_factory):
    def bake(**answers):
        folder = tmp_path_factory.mktemp("rules")
        home = {"cookiecutters_dir": str(folder / "clones"), "replay_dir": str(folder / "replay")}
        project = cookiecutter(
            str(template),
            no_input=True,
            extra_context=answers,
            output_dir=folder,
            default_config=home,
        )
        return Path(project)

    return bake


@pytest.fixture(scope="module")
def fresh(bake):
    """A bundle as it was rendered, with a lock as `uv lock` would write it."""
    root = bake()
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    packages = [re.match(r"([\w-]+)[^=]*(==)?([\w.]*)", text).groups() for text in project["dependencies"]]
    lock = [f'[[package]]\nname = "{name}"\nversion = "{version or 1}"\n' for name, _, version in packages]
    (root / "uv.lock").write_text("\n".join(lock), "utf-8")
    return root


@pytest.fixture(scope="module")
def said(fresh):
    """What each rule of the fresh bundle says of a bundle, by the rule's name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(fresh)
        check = importlib.import_module("local_workspace.check")

        def said(root):
            bundle = check.BundleFiles(root)
            return {rule.__name__: check.broken(bundle, [rule]) for rule in check.RULES}

        yield said


def edit(root, file, old, new):
    path = root / file
    if new is None:
        path.unlink()
    elif old is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(new, "utf-8")
    else:
        text = path.read_text("utf-8")
        assert old in text, f"{file} has no {old!r}: correct this row"
        path.write_text(text.replace(old, new, 1), "utf-8")


def with_line_numbers(sentence, root):
    """The sentence with the number of each line that is given by its text."""

    def numbered(match):
        lines = (root / match[1]).read_text("utf-8").splitlines()
        number = 0
        for text in match[2].split(" > "):
            found = [n for n, line in enumerate(lines[number:], start=number + 1) if text in line]
            assert found, f"{match[1]} has no {text!r}: correct this row"
            number = found[0]
        return f"{match[1]}:{number}"

    return PLACE.sub(numbered, sentence)


@pytest.mark.parametrize(
    ("rule", "edits", "sentence"),
    BREAKAGES,
    ids=[f"{n}-{row[0]}" for n, row in enumerate(BREAKAGES, start=1)],
)
def test_a_breakage_is_named_with_file_line_and_remedy(rule, edits, sentence, fresh, said, tmp_path):
    root = shutil.copytree(fresh, tmp_path / "bundle")
    for change in edits:
        edit(root, *change)
    sentences = said(root)
    assert with_line_numbers(sentence, root) in sentences[rule]
    for text in [text for texts in sentences.values() for text in texts]:
        match = SENTENCE.fullmatch(text)
        assert match, f"no sentence of file, line, what is wrong and remedy: {text}"
        assert int(match["line"]) <= len((root / match["file"]).read_text("utf-8").splitlines()), text


def test_every_rule_was_seen_to_fail(said, fresh):
    assert {rule for rule, _, _ in BREAKAGES} == set(said(fresh))


@pytest.mark.parametrize("edits", ALLOWED.values(), ids=ALLOWED)
def test_what_an_owner_may_well_do_is_left_alone(edits, fresh, said, tmp_path):
    root = shutil.copytree(fresh, tmp_path / "bundle")
    for change in edits:
        edit(root, *change)
    assert not [text for texts in said(root).values() for text in texts]


@pytest.mark.parametrize(("count", "ci"), [(1, "none"), (3, "gitlab"), (25, "github")])
def test_a_fresh_bundle_keeps_the_rules(count, ci, bake):
    root = bake(project=f"shop_{count}", models=MODELS[count], ci=ci)
    tests, check = run(root, *TESTS), run(root, *CHECK)
    assert tests.returncode == 0, tests.stdout
    assert (check.returncode, check.stderr) == (0, "")
    assert re.fullmatch(r"All \d+ rules are kept\.\n", check.stdout)


@pytest.fixture
def broken(fresh, tmp_path):
    """A bundle with three breakages, in two YAML files and a notebook."""
    root = shutil.copytree(fresh, tmp_path / "bundle")
    edit(root, TRAINING, "run_if: ALL_DONE", "run_if: ALL_SUCCESS")
    edit(root, ENVIRONMENT, MLFLOW, "mlflow>=3.7")
    edit(root, CHURN, "mlflow.autolog(disable=True)\n", "")
    return root


def test_a_broken_bundle_fails_with_the_sentences_alone(broken):
    done = run(broken, *TESTS)
    assert done.returncode == 1
    assert ": run_if of the status task is ALL_SUCCESS" in done.stdout
    assert "Traceback" not in done.stdout


def test_check_names_every_breakage_on_a_line_of_its_own(broken):
    done = run(broken, *CHECK)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert all(SENTENCE.fullmatch(line) for line in lines), done.stdout
    assert {TRAINING, ENVIRONMENT, CHURN} <= {line.partition(":")[0] for line in lines}
    assert len(lines) == len(set(lines))


def test_check_says_where_databricks_yml_is_missing(fresh, tmp_path):
    root = shutil.copytree(fresh, tmp_path / "bundle")
    (root / "databricks.yml").unlink()
    done = run(root, *CHECK)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("databricks.yml:1: there is no such file; ")


def test_check_imports_neither_spark_nor_mlflow(fresh):
    done = run(fresh, "-X", "importtime", *CHECK)
    assert done.returncode == 0, done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "local_workspace.check" in imported
    heavy = ("pyspark", "mlflow", "pandas", "numpy", "sklearn", "xgboost", "pytest")
    assert not [name for name in imported if name.split(".")[0] in heavy]


TESTS = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_rules.py")
CHECK = ("-m", "local_workspace", "check")


def run(root, *command):
    """As its owner runs it, without the pytest plugins that happen to be installed here."""
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    return subprocess.run([sys.executable, *command], cwd=root, env=alone, capture_output=True, text=True)
