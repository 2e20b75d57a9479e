"""Tasks that owners add first, with real notebooks: a condition, a loop, retries, another job."""

from textwrap import dedent

import pytest

HEADER = "# Databricks notebook source\n"
NUMBERS = """
    ids = spark.sql("SELECT collect_list(id) AS ids FROM range(3)").first().ids
    dbutils.jobs.taskValues.set("numbers", ids)
    dbutils.jobs.taskValues.set("enough", True)
"""
FLAKY = """
    from pathlib import Path
    tried = Path(dbutils.widgets.get("folder")) / "tried"
    if not tried.exists():
        tried.touch()
        raise RuntimeError("not yet")
    dbutils.jobs.taskValues.set("tries", int(dbutils.widgets.get("count")))
"""
ONE = """
    number = int(dbutils.widgets.get("number"))
    spark.sql(f"INSERT INTO {dbutils.widgets.get('table')} VALUES ({number}, {number} * 10)")
"""
TELL = """
    numbers = dbutils.jobs.taskValues.get(taskKey="numbers", key="numbers")
    dbutils.jobs.taskValues.set("told", [numbers, dbutils.widgets.getAll()])
"""


@pytest.fixture
def notebook(local_bundle):
    """A notebook task; its name is that of its file."""
    folder = local_bundle.root / "task_types"
    folder.mkdir()

    def notebook(key, code, **parameters):
        (folder / f"{key}.py").write_text(HEADER + dedent(code))
        return {
            "task_key": key,
            "notebook_task": {"notebook_path": str(folder / f"{key}.py"), "base_parameters": parameters},
        }

    return notebook


def test_a_condition_a_loop_retries_and_another_job_run_together(local_bundle, notebook):
    table = f"{local_bundle.features}.tens"
    local_bundle.sql(f"CREATE SCHEMA IF NOT EXISTS {local_bundle.features}")
    local_bundle.sql(f"CREATE TABLE {table} (number INT, tens INT)")
    folder = str(local_bundle.root / "task_types")
    after = {"depends_on": [{"task_key": "enough", "outcome": "true"}]}
    comparison = {"left": "{{tasks.numbers.values.enough}}", "op": "EQUAL_TO", "right": "true"}
    told = {"day": "{{job.parameters.day}}", "numbers": "{{tasks.numbers.values.numbers}}"}
    loop = {
        "inputs": "{{tasks.numbers.values.numbers}}",
        "concurrency": 1,
        "task": notebook("one", ONE, number="{{input}}", table=table),
    }
    tasks = [
        notebook("numbers", NUMBERS),
        {"task_key": "enough", "depends_on": [{"task_key": "numbers"}], "condition_task": comparison},
        {"task_key": "loop", "for_each_task": loop} | after,
        notebook("flaky", FLAKY, folder=folder, count="{{task.execution_count}}")
        | {"max_retries": 1}
        | after,
        notebook("otherwise", "1 / 0") | {"depends_on": [{"task_key": "enough", "outcome": "false"}]},
        {"task_key": "call", "run_job_task": {"job_id": "child"}} | after,
        notebook("tell", TELL, **told)
        | {"depends_on": [{"task_key": key} for key in ("numbers", "loop", "flaky")]},
    ]
    parameters = [{"name": "day", "default": "{{job.start_time.iso_date}}"}]
    child = {"tasks": [notebook("child", "assert len(dbutils.widgets.get('day')) == 10")]}
    for key, job in {"parent": {"tasks": tasks, "parameters": parameters}, "child": child}.items():
        local_bundle.bundle.jobs[key] = job
        local_bundle.bundle.files[key] = local_bundle.root / "databricks.yml"
    run = local_bundle.run("parent")
    found = {task.key: task for task in run.tasks}
    assert {key: task.result for key, task in found.items()} == {
        **dict.fromkeys(("numbers", "enough", "loop", "flaky", "call", "tell"), "success"),
        "otherwise": "excluded",
    }
    assert run.result == "success"
    assert sorted(local_bundle.sql(f"SELECT * FROM {table}")) == [[0, 0], [1, 10], [2, 20]]
    assert found["flaky"].values == {"tries": 2} and found["flaky"].executions == 2
    assert "RuntimeError: not yet" in (local_bundle.logs / "parent.flaky.log").read_text()
    (numbers, given) = found["tell"].values["told"]
    assert numbers == [0, 1, 2] and given["numbers"] == "[0, 1, 2]" and len(given["day"]) == 10
