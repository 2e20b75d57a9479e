"""Each way in which a team could break the rules later, and the sentence that their bundle says then."""

import re
import shutil
import subprocess
import sys

import pytest
from local_workspace.rules import RULES, bundle_files
from local_workspace.rules.bundle_files import BundleFiles
from local_workspace.rules.checking import broken
from local_workspace.rules.notebook_files import Notebook
from rendered import copy_rendered
from rule_breakages import ALLOWED, BREAKAGES, CHURN, ENVIRONMENT, MLFLOW, TRAINING

BY_NAME = {rule.__name__: rule for rule in RULES}
SENTENCE = re.compile(r"(?P<file>[\w./-]+):(?P<line>\d+): .+; .+[^.]")
PLACE = re.compile(r"([\w./-]+):«(.+?)»")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return copy_rendered(tmp_path_factory.mktemp("fresh") / "bundle")


@pytest.fixture(scope="module", autouse=True)
def parsed_once():
    """A notebook that the edits of a row leave alone is the same object in every row: parsing costs most."""
    known = {}

    def notebook(root, name):
        path = root / name
        key = name, path.read_text("utf-8") if path.is_file() else None
        if key not in known:
            known[key] = Notebook(root, name)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_files, "Notebook", notebook)
        yield


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
def test_a_breakage_is_named_with_file_line_and_remedy(rule, edits, sentence, fresh, tmp_path):
    root = shutil.copytree(fresh, tmp_path / "bundle")
    for change in edits:
        edit(root, *change)
    bundle = BundleFiles(root)
    assert with_line_numbers(sentence, root) in broken(bundle, [BY_NAME[rule]])
    for text in broken(bundle):
        match = SENTENCE.fullmatch(text)
        assert match, f"no sentence of file, line, what is wrong and remedy: {text}"
        assert int(match["line"]) <= len((root / match["file"]).read_text("utf-8").splitlines()), text


def test_every_rule_was_seen_to_fail():
    assert {rule for rule, _, _ in BREAKAGES} == set(BY_NAME)


@pytest.mark.parametrize("edits", ALLOWED.values(), ids=ALLOWED)
def test_what_an_owner_may_well_do_is_left_alone(edits, fresh, tmp_path):
    root = shutil.copytree(fresh, tmp_path / "bundle")
    for change in edits:
        edit(root, *change)
    assert broken(BundleFiles(root)) == []


@pytest.fixture
def broken_bundle(fresh, tmp_path):
    """A bundle with three breakages, in two YAML files and a notebook."""
    root = shutil.copytree(fresh, tmp_path / "bundle")
    edit(root, TRAINING, "run_if: ALL_DONE", "run_if: ALL_SUCCESS")
    edit(root, ENVIRONMENT, MLFLOW, "mlflow>=3.7")
    edit(root, CHURN, "mlflow.autolog(disable=True)\n", "")
    return root


def test_check_names_every_breakage_on_a_line_of_its_own(broken_bundle):
    done = run(broken_bundle, *CHECK)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert all(SENTENCE.fullmatch(line) for line in lines), done.stdout
    assert {TRAINING, ENVIRONMENT, CHURN} <= {line.partition(":")[0] for line in lines}
    assert len(lines) == len(set(lines))


def test_a_bundle_is_found_from_a_folder_within_it_and_its_absence_is_said(fresh, tmp_path):
    done = run(fresh / "src", *CHECK)
    assert (done.returncode, done.stderr) == (0, "")
    done = run(tmp_path, *CHECK)
    assert (done.returncode, done.stdout) == (2, "")
    sentence = "there is no databricks.yml here or in a folder above; call this in a bundle's folder"
    assert done.stderr == f"{tmp_path}: {sentence}\n"


def test_check_imports_neither_spark_nor_mlflow(fresh):
    done = run(fresh, "-X", "importtime", *CHECK)
    assert done.returncode == 0, done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "local_workspace.rules.checking" in imported
    heavy = ("pyspark", "mlflow", "pandas", "numpy", "sklearn", "xgboost", "pytest")
    assert not [name for name in imported if name.split(".")[0] in heavy]


CHECK = ("-m", "local_workspace", "check")


def run(root, *command):
    return subprocess.run([sys.executable, *command], cwd=root, capture_output=True, text=True)
