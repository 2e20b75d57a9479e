"""Each way in which a team could break the rules later, and the sentence that their bundle says then.

The rules are the bundle's own, in its folder `tests/rules`; here every one of them is seen to fail.
"""

import importlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import REPOSITORY
from cookiecutter.main import cookiecutter
from rule_breakages import ALLOWED, BREAKAGES

TYPES = ("regression:xgboost", "regression:gradient_boosting", "classification:xgboost")
TYPES += ("classification:gradient_boosting", "anomaly:isolation_forest")
DOMAINS = ("sales", "json", "mlflow", "pandas", "sklearn")  # names that packages have too
MODELS = {
    1: "databricks/xgboost:classification:xgboost",
    3: json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))["models"],
    25: ", ".join(f"{domain}/{domain}_{n}:{kind}" for domain in DOMAINS for n, kind in enumerate(TYPES)),
}
SENTENCE = re.compile(r"(?P<file>[\w./-]+)(:\d+)?(, (job|task|target|environment) [\w ]+)?: .+; .+[^.]")


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
def rules(fresh):
    """The bundle's own tests/test_rules.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(fresh)
        patch.syspath_prepend(fresh / "tests")
        yield importlib.import_module("test_rules")


def violations(rules, root):
    """What each rule says of a bundle, by the rule's name."""
    bundle = rules.BundleFiles(root)
    return {rule.__name__: list(dict.fromkeys(rule(bundle))) for rule in rules.RULES}


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


def without_line_numbers(sentence):
    return re.sub(r"(\.py|\.yml):\d+", r"\1:N", sentence)


@pytest.mark.parametrize(
    ("rule", "edits", "sentence"),
    BREAKAGES,
    ids=[f"{n}-{row[0]}" for n, row in enumerate(BREAKAGES, start=1)],
)
def test_a_breakage_is_named_with_file_rule_and_remedy(rule, edits, sentence, fresh, rules, tmp_path):
    root = shutil.copytree(fresh, tmp_path / "bundle")
    for change in edits:
        edit(root, *change)
    said = violations(rules, root)
    assert sentence in [without_line_numbers(text) for text in said[rule]]
    for text in [text for texts in said.values() for text in texts]:
        match = SENTENCE.fullmatch(text)
        assert match, f"no sentence of file, what is wrong and remedy: {text}"
        assert (root / match["file"]).exists(), text


def test_every_rule_was_seen_to_fail(rules):
    assert {rule for rule, _, _ in BREAKAGES} == {rule.__name__ for rule in rules.RULES}


@pytest.mark.parametrize("edits", ALLOWED.values(), ids=ALLOWED)
def test_what_an_owner_may_well_do_is_left_alone(edits, fresh, rules, tmp_path):
    root = shutil.copytree(fresh, tmp_path / "bundle")
    for change in edits:
        edit(root, *change)
    assert not [text for texts in violations(rules, root).values() for text in texts]


@pytest.mark.parametrize(("count", "ci"), [(1, "none"), (3, "gitlab"), (25, "github")])
def test_a_fresh_bundle_keeps_the_rules_within_five_seconds(count, ci, bake):
    root = bake(project=f"shop_{count}", models=MODELS[count], ci=ci)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run = run_rules(root)
    assert run.returncode == 0, run.stdout
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 5


def test_a_broken_bundle_fails_with_the_sentence_alone(fresh, tmp_path):
    root = shutil.copytree(fresh, tmp_path / "bundle")
    edit(root, "resources/ml/ml_training_pipeline.yml", "run_if: ALL_DONE", "run_if: ALL_SUCCESS")
    run = run_rules(root)
    assert run.returncode == 1
    assert "task pipeline_status: run_if is ALL_SUCCESS" in run.stdout
    assert "Traceback" not in run.stdout


def run_rules(root):
    """As their owner runs them, without the pytest plugins that happen to be installed here."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_rules.py",
    ]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    return subprocess.run(command, cwd=root, env=alone, capture_output=True, text=True, check=False)
