"""What a local run is refused for before Spark starts, because a workspace would do another thing."""

from pathlib import Path
from textwrap import indent

import pytest
from local_workspace.bundle.bundle import Bundle
from local_workspace.errors import BundleError, WorkspaceError
from local_workspace.jobs.supported import LEAVE_OUT, check, problems

BUNDLE = """\
bundle: {name: small}
targets: {dev: {mode: development}}
resources:
  jobs:
    child:
      tasks:
        - {task_key: c, notebook_task: {notebook_path: n.py}}
    empty:
      name: empty
    main:
"""
NOTEBOOK = "notebook_task: {notebook_path: n.py}"
OTHER = f"- {{task_key: other, {NOTEBOOK}}}\n"
KINDS = "notebook_task, run_job_task, condition_task, for_each_task"

HARMLESS = """\
name: main
tags: {a: b}
schedule: {quartz_cron_expression: 0 0 3 ? * SUN, timezone_id: UTC}
queue: {enabled: true}
email_notifications: {on_failure: [a@example.com]}
permissions: [{level: CAN_VIEW, group_name: users}]
job_clusters:
  - job_cluster_key: big
    new_cluster: {spark_version: 17.3.x-scala2.13, node_type_id: i3.xlarge, num_workers: 2}
parameters:
  - {name: day, default: "{{job.start_time.iso_date}}"}
git_source: {git_url: https://example.com/a, git_provider: gitHub, git_branch: main}
tasks:
  - task_key: first
    job_cluster_key: big
    libraries: [{pypi: {package: torch}}]
    max_retries: 2
    notebook_task:
      notebook_path: n.py
      source: WORKSPACE
      base_parameters: {a: "{{job.parameters.day}} {{task.run_id}}", b: "{{jinja.like}} {{ x | upper }}"}
  - task_key: if
    depends_on: [{task_key: first}]
    condition_task: {left: "{{tasks.first.values.n}}", op: GREATER_THAN, right: "3"}
  - task_key: all
    depends_on: [{task_key: if, outcome: "true"}, {task_key: first}]
    for_each_task:
      inputs: "{{tasks.first.values.items}}"
      task:
        task_key: one
        notebook_task: {notebook_path: n.py, source: WORKSPACE, base_parameters: {x: "{{input.k}}"}}
  - task_key: call
    depends_on: [{task_key: all}]
    run_if: ALL_DONE
    run_job_task: {job_id: "${resources.jobs.child.id}"}
"""


def bundle(folder: Path, job: str) -> Bundle:
    (folder / "n.py").write_text("# Databricks notebook source\n")
    (folder / "databricks.yml").write_text(BUNDLE + indent(job, " " * 6))
    return Bundle(folder, "dev")


def tasks(*texts: str) -> str:
    return "tasks:\n" + indent("".join(texts), "  ")


def test_what_a_run_can_leave_out_or_imitates_is_not_refused(tmp_path):
    small = bundle(tmp_path, HARMLESS)
    assert list(problems(small, ["main"])) == []
    check(small, ["main"])


def loop(inputs: str, nested: str = NOTEBOOK) -> str:
    return f"for_each_task: {{inputs: '{inputs}', task: {{task_key: o, {nested}}}}}\n"


def needs(need: str) -> str:
    return f"{NOTEBOOK}\ndepends_on: [{{{need}}}]"


HERE = "a local run does not imitate"
TASK = [  # settings of the task `a`, what is said of it
    (
        "spark_python_task: {python_file: a.py}",
        f"a local run has no spark_python_task, only {KINDS}; {LEAVE_OUT}",
    ),
    ("description: x", f"a local run has no task without a type, only {KINDS}; {LEAVE_OUT}"),
    (
        f"{NOTEBOOK}\nenvironment_variables_key: e",
        f"{HERE} environment_variables_key; remove it, or {LEAVE_OUT}",
    ),
    (
        "notebook_task: {notebook_path: n.py, warehouse_id: w}",
        f"{HERE} warehouse_id of notebook_task; remove it",
    ),
    ("run_job_task: {job_id: child, jar_params: [a]}", f"{HERE} jar_params of run_job_task; remove it"),
    (
        f"{NOTEBOOK}\nnew_cluster: {{spark_env_vars: {{A: b}}}}",
        f"{HERE} spark_env_vars of a cluster; remove it",
    ),
    ("condition_task: {left: a, right: b}", "condition_task has no op; add it"),
    (needs("task_key: nothing"), "it waits for nothing, no task of the job; correct depends_on"),
    (needs("task_key: a"), "it waits for itself in the end; correct depends_on"),
    (needs("task_key: other, outcome: 'true'"), "other has no outcome true; remove outcome"),
    (f"{NOTEBOOK}\nrun_if: SOME", "run_if is SOME; write one of ALL_SUCCESS, "),
    (
        "run_job_task: {job_id: 123}",
        "it runs 123, no job of this target; correct it, it has child, empty, main",
    ),
    (
        "run_job_task: {job_id: '${resources.jobs.main.id}'}",
        "it runs main, so that this never ends; remove it",
    ),
    ("run_job_task: {job_id: empty}", "it runs empty, which has no tasks; add some"),
    ("notebook_task: {notebook_path: /Shared/n}", "there is no notebook /Shared/n; correct notebook_path"),
    (
        "notebook_task: {notebook_path: n.py, source: GIT}",
        "its notebook comes from Git, which a local run does not fetch; write source: WORKSPACE",
    ),
    ("condition_task: {left: a, op: LIKE, right: b}", "op is LIKE; write one of EQUAL_TO, "),
    (
        "condition_task: {left: a, op: EQUAL_TO, right: b}\nmax_retries: 1",
        "max_retries is for other tasks; remove it",
    ),
    (loop("a, b"), "inputs are a, b, no JSON array; write them as '[1, 2]'"),
    (loop("[1]", "run_job_task: {job_id: child}"), f"a local run repeats notebook_task alone; {LEAVE_OUT}"),
    (loop("[1]") + "max_retries: 3", "max_retries is for other tasks; give it to the task within"),
]
UNDOCUMENTED = "is no dynamic value reference that Databricks documents; correct it"
ELSEWHERE = "has no value in a local run; give the task a text in its place"
REFERENCES = {
    "{{job.notebook_url}}": UNDOCUMENTED,
    "{{tasks.other.value.x}}": UNDOCUMENTED,
    "{{workspace.url}}": ELSEWHERE,
    "{{backfill.iso_datetime}}": ELSEWHERE,
    "{{job.trigger.file_arrival.location}}": ELSEWHERE,
    "{{tasks.other.error_code}}": ELSEWHERE,
    "{{job.parameters.nothing}}": "is no parameter of the job, which has day; correct it, or declare it",
    "{{tasks.nothing.result_state}}": "refers to no task of the job; correct its key",
    "{{tasks.late.values.x}}": "refers to a task that need not have ended by then; add it to depends_on",
    "{{job.parameters.a-b}}": "has a name with other characters than letters, digits and _; "
    "write that name in backticks",
    "{{input}}": "stands in no task of a for_each_task; correct it",
}


def refusal(folder: Path, job: str, only=None) -> str:
    with pytest.raises(WorkspaceError) as refused:
        check(bundle(folder, job), ["main"], only)
    (line,) = str(refused.value).splitlines()
    return line


@pytest.mark.parametrize("settings, sentence", TASK)
def test_a_task_that_would_do_another_thing_is_refused(settings, sentence, tmp_path):
    job = tasks(OTHER, "- task_key: a\n", indent(settings, "  "), "\n")
    said = refusal(tmp_path, job)
    assert said.startswith("databricks.yml:1")
    assert f": job main, task a: {sentence}" in said
    check(bundle(tmp_path, job), ["main"], only=["other"])


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_without_a_value_is_refused(reference, tmp_path):
    asking = f"{NOTEBOOK[:-1]}, base_parameters: {{x: '{reference}'}}}}"
    job = "parameters: [{name: day, default: x}]\n" + tasks(
        OTHER,
        f"- {{task_key: late, {NOTEBOOK}}}\n",
        f"- task_key: a\n  depends_on: [{{task_key: other}}]\n  {asking}\n",
    )
    said = f"databricks.yml:17: job main, task a: {reference} {REFERENCES[reference]}"
    assert refusal(tmp_path, job) == said


@pytest.mark.parametrize(
    "job, sentence",
    [
        ("colour: blue\n" + tasks(OTHER), "11: job main: a local run does not imitate colour; remove it"),
        (
            "parameters: [{name: day, default: '{{task.name}}'}]\n" + tasks(OTHER),
            "11: job main: {{task.name}} has no value when a run begins; correct it, or give it to the tasks",
        ),
        (
            "git_source: {git_url: u, git_provider: gitHub}\n" + tasks(OTHER),
            "13: job main, task other: its notebook comes from Git, ",
        ),
        (
            tasks(
                f"- {{task_key: a, depends_on: [{{task_key: b}}], {NOTEBOOK}}}\n",
                f"- {{task_key: b, depends_on: [{{task_key: a}}], {NOTEBOOK}}}\n",
            ),
            "12: job main, task a: it waits for itself in the end; correct depends_on",
        ),
    ],
)
def test_a_job_that_would_do_another_thing_is_refused(job, sentence, tmp_path):
    assert refusal(tmp_path, job).startswith(f"databricks.yml:{sentence}")


def test_a_job_that_another_runs_is_checked_too(tmp_path):
    job = tasks("- {task_key: call, run_job_task: {job_id: child}}\n")
    assert list(problems(bundle(tmp_path, job), ["main"])) == []
    file = tmp_path / "databricks.yml"
    file.write_text(file.read_text().replace("n.py", "/n.py"))
    said = "databricks.yml:7: job child, task c: there is no notebook /n.py; correct notebook_path"
    assert list(problems(Bundle(tmp_path, "dev"), ["main"])) == [said]


def test_a_notebook_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(
        (BundleError, WorkspaceError), match="there is no notebook gone.py; correct notebook_path"
    ):
        check(bundle(tmp_path, tasks("- {task_key: a, notebook_task: {notebook_path: gone.py}}\n")), ["main"])
