"""How local_workspace reads a bundle: as the official CLI does, or it is refused by one sentence.

`bundle_resolution/cases.json` has small bundles, and what `databricks bundle validate -o json` of CLI 1.13.0
made of each, signed in as tester@databricks.com, outside of git. Each has its `files`, beside the plain
`notebooks`; `args` and `env`; `exit` and the first `messages`; the `target` and the resolved `jobs`.
"""

import json
import os
import subprocess
import textwrap
from pathlib import Path

import pytest
from local_workspace.bundle import substitutions
from local_workspace.bundle.bundle import Bundle
from local_workspace.errors import BundleError
from local_workspace.jobs.own_packages import refuse_own_packages

DATA = Path(__file__).with_name("bundle_resolution") / "cases.json"
CASES = {case["name"]: case for case in json.loads(DATA.read_text("utf-8"))}
TESTER = {"userName": "tester@databricks.com", "short_name": "tester", "domain_friendly_name": "tester"}
NOTEBOOK = "# Databricks notebook source\n"

# What a run does not depend on, so our reading does not fill it in: how many runs may overlap, when the job
# starts by itself, and the tags that presets add.
DEPLOYMENT_ONLY = ("max_concurrent_runs", "tags")
RESOLVED_BY_A_DEPLOYMENT = {  # which validate does not make; here a job's id is its key
    "${resources.schemas.s.name}": "dev_tester_real_schema",
    "${resources.schemas.s.catalog_name}": "main",
    "${resources.jobs.k.name}": "[dev tester] other job",
    "${resources.jobs.k.id}": "k",
    "${resources.jobs.child.id}": "child",
}
REFUSALS = {  # what the CLI refuses, and our sentence
    "two targets, none default": "--target: no target is the default; name one of dev, staging",
    "variables in a circle": "databricks.yml:9: ${var.a} refers to itself in the end; correct its value",
    "variable without a value": "databricks.yml:6: variable a has no value in target default; add one, or "
    "give it by --var a=VALUE",
    "--var of no variable": "--var: there is no variable nobody; declare it, or correct its name",
    "unknown variable": "databricks.yml:14: ${var.nobody} refers to no variable; declare it, or correct its "
    "name",
    "unknown reference": "databricks.yml:14: ${nobody.x} refers to nothing; begin it with var, bundle, "
    "workspace or resources",
    "include of a missing file": "databricks.yml:6: include nothing.yml matches no file; correct or remove "
    "it",
    "the same job in two files": "r/b.yml:3: j is defined in r/a.yml:3 too; give each a key of its own",
    "tab in yaml": "databricks.yml:14: from here on it is no YAML, found character that cannot start any "
    "token; correct it",
    "databricks.yml is a list": "databricks.yml:1: this is no mapping of names to values; correct it",
    "lookup variable": "databricks.yml:18: ${var.w} is looked up in a workspace, and there is none here; "
    "give it by --var w=VALUE",
}


@pytest.fixture(scope="module", autouse=True)
def tester():
    """The user that the cases were made by."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in TESTER.items():
            patch.setitem(substitutions.USER, name, value)
        yield


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Writes a bundle, beside the notebook a.py, and reads it."""

    def read(files, *options, target=None, env=()):
        for name, text in {"a.py": NOTEBOOK, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        for name in [name for name in os.environ if name.startswith(("BUNDLE_VAR_", "DATABRICKS_"))]:
            monkeypatch.delenv(name)
        for name, value in dict(env).items():
            monkeypatch.setenv(name, value)
        bundle = Bundle(tmp_path, target, options=options)
        refuse_own_packages(bundle.jobs, bundle.jobs)
        return bundle

    return read


def as_deployed(job):
    """What a run depends on; tasks are compared in the order of their keys."""
    job = {key: value for key, value in job.items() if key not in DEPLOYMENT_ONLY}
    if "schedule" in job:
        job["schedule"] = {key: value for key, value in job["schedule"].items() if key != "pause_status"}
    text = json.dumps(job)
    for reference, value in RESOLVED_BY_A_DEPLOYMENT.items():
        text = text.replace(reference, value)
    return json.loads(text) | {"tasks": sorted(json.loads(text)["tasks"], key=lambda task: task["task_key"])}


@pytest.mark.parametrize("name", CASES)
def test_a_bundle_is_read_as_the_official_cli_reads_it(name, read, tmp_path):
    case = CASES[name]
    files = case["files"] | {notebook: NOTEBOOK for notebook in case["notebooks"]}
    assert set(case["args"][::2]) <= {"--var"}
    options = case["args"][1::2]
    if case["exit"]:
        with pytest.raises(BundleError) as refused:
            read(files, *options, env=case["env"])
        assert str(refused.value) == REFUSALS[name]
        return
    bundle = read(files, *options, env=case["env"])
    assert bundle.target == case["target"]
    deployed = f"/Workspace/Users/tester@databricks.com/.bundle/cases/{bundle.target}/files"
    ours = json.loads(json.dumps(bundle.jobs).replace(str(tmp_path), deployed).replace('.py"', '"'))
    assert {key: as_deployed(job) for key, job in ours.items()} == {
        key: as_deployed(job) for key, job in case["jobs"].items()
    }


BUNDLE = """\
bundle: {{name: cases}}
{rest}resources:
  jobs:
    j:
      name: j
{job}      tasks:
        - task_key: a
          notebook_task:
            notebook_path: a.py
            base_parameters:
              p: {value}
"""


def bundle_of(value, rest="", job=""):
    """A bundle whose one task has one parameter."""
    return {"databricks.yml": BUNDLE.format(value=value, rest=rest, job=textwrap.indent(job, " " * 6))}


NUMBER = """
variables:
  n: {default: 1.10}
  tiny: {default: 0.00001}
  on: {default: true}
  cfg: {type: complex, default: {deep: [{er: "${var.n}"}]}}
"""
VALUES = {  # a parameter as it is written, and what the notebook gets
    "a number keeps its digits alone": ("${var.n}", "1.1"),
    "a number within a text": ("v${var.n}", "v1.1"),
    "a very small number": ("${var.tiny}", "0.00001"),
    "a very small number within a text": ("v${var.tiny}", "v1e-05"),
    "a switch within a text": ("v${var.on}", "vtrue"),
    "a reference within a complex variable": ("'${var.cfg.deep[0].er}'", "1.1"),
    "an escaped reference": ("$${var.n}", "${var.n}"),
    "what is no reference": ("${var.n", "${var.n"),
    "a name of letters that are not ASCII": ("${var.größe}", "2"),
    "a date": ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
    "a number with a leading zero that is not octal": ("08", "8"),
    "the catalog": ("${var.catalog}", "spark_catalog"),
}


@pytest.mark.parametrize("what", VALUES)
def test_a_value_reaches_the_notebook_as_the_cli_writes_it(what, read):
    written, expected = VALUES[what]
    rest = f"{NUMBER}  größe: {{default: 2}}\n  catalog: {{default: main}}\n"
    (task,) = read(bundle_of(written, rest)).jobs["j"]["tasks"]
    assert task["notebook_task"]["base_parameters"]["p"] == expected


A = "variables: {a: {default: x}}\n"
COMPLEX = "variables: {a: {type: complex, default: [x]}}\n"
OVERRIDES = ".databricks/bundle/default/variable-overrides.json"
ENVIRONMENT = "environments:\n- {{environment_key: e, spec: {{dependencies: [{}]}}}}\n"
OVER = "targets:\n  dev:\n    resources:\n      jobs:\n        j: {{{}}}\n"
REFUSED = {  # a bundle, options, and the sentence
    "--var without a value": (bundle_of(1, A), ["a"], "--var: a gives no value; write name=value, and "),
    "--var with a comma": (bundle_of(1, A), ["a=1,2"], "--var: 2 gives no value; write name=value, and "),
    "--var twice": (bundle_of(1, A), ["a=1", "a=2"], "--var: a is given twice; give it once"),
    "--var of a complex variable": (
        bundle_of(1, COMPLEX),
        ["a=1"],
        f"--var: variable a takes a list or a mapping; give it in {OVERRIDES}",
    ),
    "overrides that are no JSON": (
        bundle_of(1, A) | {OVERRIDES: '{\n"a": 1,}'},
        [],
        f"{OVERRIDES}:2: it is no JSON; correct it",
    ),
    "overrides that are a list": (
        bundle_of(1, A) | {OVERRIDES: "[]"},
        [],
        f"{OVERRIDES}:1: it is no JSON object of names to values; correct it",
    ),
    "a list for a simple variable": (
        bundle_of(1, A) | {OVERRIDES: '{"a": [1]}'},
        [],
        f"{OVERRIDES}:1: variable a takes text; give it in {OVERRIDES}",
    ),
    "a target's value of no variable": (
        bundle_of(1, "targets:\n  dev:\n    variables:\n      b: 1\n"),
        [],
        "databricks.yml:5: variable b is not declared; declare it, or correct its name",
    ),
    "two default targets": (
        bundle_of(1, "targets:\n  dev: {default: true}\n  prod: {default: yes}\n"),
        [],
        "databricks.yml:4: dev and prod are both the default; let one be it",
    ),
    "jobs made by Python": (
        bundle_of(1, "python:\n  resources: ['a:b']\n"),
        [],
        "databricks.yml:2: python: jobs made by Python code are not imitated; write them in YAML",
    ),
    "what a workspace alone knows": (
        bundle_of("${workspace.current_user.id}"),
        [],
        "databricks.yml:11: ${workspace.current_user.id} refers to nothing here; a workspace alone knows it, "
        "so put a variable in its place, and give it by --var",
    ),
    "what a deployment alone knows": (
        bundle_of("${resources.jobs.j.url}"),
        [],
        "databricks.yml:11: ${resources.jobs.j.url} is known to a deployment alone; put a variable in its "
        "place, and give it by --var",
    ),
    "a resource that is not there": (
        bundle_of("${resources.jobs.nobody.id}"),
        [],
        "databricks.yml:11: ${resources.jobs.nobody.id} refers to no resource; define it, or correct its "
        "name",
    ),
    "a list within a text": (
        bundle_of("v${var.a}", COMPLEX),
        [],
        "databricks.yml:12: ${var.a} is a list or a mapping; let it stand alone, or name an item",
    ),
    "an item that is not there": (
        bundle_of('"${var.a[1]}"', COMPLEX),
        [],
        "databricks.yml:2: ${var.a[1]} refers to nothing here; correct the name, or declare it",
    ),
    "a list as a parameter": (
        bundle_of("[1]"),
        [],
        "databricks.yml:11: p is a list or a mapping, which it cannot be; write it as text",
    ),
    "a number that is none": (
        bundle_of(1, job="timeout_seconds: soon\n"),
        [],
        "databricks.yml:6: timeout_seconds is 'soon'; write a whole number",
    ),
    "a notebook that is not there": (
        {"databricks.yml": bundle_of(1)["databricks.yml"].replace("a.py", "b.py")},
        [],
        "databricks.yml:9: there is no notebook b.py; correct notebook_path",
    ),
    "a notebook that is none": (
        bundle_of(1) | {"a.py": "x = 1\n"},
        [],
        "databricks.yml:9: a.py is no notebook to Databricks; make '# Databricks notebook source' its first "
        "line",
    ),
    "a key that is no text": (
        bundle_of("x\n              1: y"),
        [],
        "databricks.yml:12: from here on it is no YAML, the key 1 is no text, so it needs quotes; correct it",
    ),
    "an include of other files": (
        bundle_of(1, "include: ['*.py']\n"),
        [],
        "databricks.yml:2: a.py is no YAML file; narrow the include *.py",
    ),
    "a target's mapping in place of a list": (
        {"databricks.yml": bundle_of(1)["databricks.yml"] + OVER.format("tasks: {a: b}")},
        [],
        "databricks.yml:16: tasks has another form than in databricks.yml:6; write both alike",
    ),
    "a package of the bundle": (
        bundle_of(1, job=ENVIRONMENT.format("mlflow==3.7.0, ./shop")),
        [],
        "databricks.yml:7: job j installs ./shop, which a local run cannot; publish it to an index, and "
        "pin it here and in pyproject.toml",
    ),
    "a wheel": (
        bundle_of(1, job=ENVIRONMENT.format("shop.whl")),
        [],
        "databricks.yml:7: job j installs shop.whl, which a local run cannot; publish it to an index, and "
        "pin it here and in pyproject.toml",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_the_same_is_refused_by_one_sentence(what, read):
    files, options, sentence = REFUSED[what]
    with pytest.raises(BundleError) as refused:
        read(files, *options)
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_what_is_given_from_outside_is_said(read):
    files = bundle_of("${var.b}", "variables: {a: {default: x}, b: {default: x}, catalog: {default: x}}\n")
    files[OVERRIDES] = '{"a": "x", "nobody": 1}'
    bundle = read(files, "b=1", env={"BUNDLE_VAR_catalog": "main", "BUNDLE_VAR_nobody": "1"})
    assert bundle.given == [
        f"a by {OVERRIDES}",
        "catalog by BUNDLE_VAR_catalog, though here it stays spark_catalog",
        "b by --var",
    ]


def test_the_target_of_the_environment_comes_before_the_default(read):
    files = bundle_of("${bundle.target}", "targets: {dev: {default: true}, test: {}}\n")
    bundle = read(files, env={"DATABRICKS_BUNDLE_TARGET": "test"})
    assert (bundle.target, bundle.given) == ("test", ["target test by DATABRICKS_BUNDLE_TARGET"])
    assert read(files, target="dev").target == "dev"


def test_tasks_of_one_key_are_one_task_within_a_file_too(read):
    files = bundle_of(1)
    files["databricks.yml"] += (
        "        - {task_key: a, timeout_seconds: '7', disabled: yes, libraries: [~]}\n"
    )
    (task,) = read(files).jobs["j"]["tasks"]
    assert (task["timeout_seconds"], task["disabled"], task["libraries"]) == (7, True, [])
    assert task["notebook_task"]["base_parameters"] == {"p": "1"}


def test_git_is_asked_as_the_cli_asks_it(read, tmp_path):
    def git(*arguments):
        author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        done = subprocess.run(["git", *author, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def parameter(rest=""):
        (task,) = read(bundle_of("'${bundle.git.branch} ${bundle.git.commit}'", rest)).jobs["j"]["tasks"]
        return task["notebook_task"]["base_parameters"]["p"]

    git("init", "--initial-branch", "work")
    assert parameter() == "work "
    git("commit", "--allow-empty", "--message", "first")
    commit = git("rev-parse", "HEAD")
    assert parameter() == f"work {commit}"
    assert parameter("targets: {dev: {git: {branch: main}}}\n") == f"main {commit}"
    git("checkout", "--detach")
    assert parameter() == f" {commit}"
