"""Order, outcome, parameters and task types of jobs, each by its smallest case, without Spark."""

import json
import re
import time

import pytest
from fake_jobs import HANGS, fail, notebook, results, run, statuses, succeed, task
from local_workspace.notebooks.dbutils import TaskValues

RUN_IF = "ALL_SUCCESS AT_LEAST_ONE_SUCCESS NONE_FAILED ALL_DONE AT_LEAST_ONE_FAILED ALL_FAILED".split()
RUNS, FAILS, LEFT = "success", "upstream_failed", "excluded"
AFTER_TWO = {  # results of two tasks before -> what becomes of a task after them, for each RUN_IF
    "success success": [RUNS, RUNS, RUNS, RUNS, LEFT, LEFT],
    "success failed": [FAILS, RUNS, FAILS, RUNS, RUNS, LEFT],
    "success excluded": [LEFT, RUNS, RUNS, RUNS, LEFT, LEFT],
    "failed failed": [FAILS, FAILS, FAILS, RUNS, RUNS, RUNS],
    "failed excluded": [FAILS, FAILS, FAILS, RUNS, RUNS, LEFT],
    "excluded excluded": [LEFT, LEFT, LEFT, LEFT, LEFT, LEFT],
    "disabled success": ["disabled", RUNS, RUNS, RUNS, LEFT, "disabled"],
    "disabled failed": ["disabled", FAILS, FAILS, RUNS, RUNS, "disabled"],
    "disabled excluded": ["disabled", LEFT, RUNS, RUNS, LEFT, "disabled"],
    "disabled disabled": ["disabled", "disabled", "disabled", RUNS, "disabled", "disabled"],
}


def before(key: str, result: str) -> list[dict]:
    """Tasks of which that with the key has the result."""
    if result == "excluded":
        return [task(f"no_{key}"), task(key, f"no_{key}", run_if="ALL_FAILED")]
    return [task(key, disabled=result == "disabled")]


@pytest.mark.parametrize("two", AFTER_TWO)
@pytest.mark.parametrize("run_if", RUN_IF)
def test_run_if_does_as_documented_after_any_results(two, run_if):
    first, second = two.split()
    bad = {key: lambda *_: fail() for key, result in (("a", first), ("b", second)) if result == "failed"}
    done = run(*before("a", first), *before("b", second), task("c", "a b", run_if=run_if), notebooks=bad)
    assert [results(done)[key] for key in "abc"] == [first, second, AFTER_TWO[two][RUN_IF.index(run_if)]]


def test_what_waits_for_a_disabled_task_does_not_wait_for_those_before_it():
    tasks = [
        task("slow", timeout_seconds=1),
        task("a", "slow", disabled="true"),
        task("b", "a", run_if="ALL_DONE"),
    ]
    done = run(*tasks, notebooks={"slow": lambda *_: HANGS})
    assert [ended.key for ended in done.tasks] == ["a", "b", "slow"]


@pytest.mark.parametrize("run_if", RUN_IF)
def test_a_task_without_dependencies_runs_whatever_its_run_if(run_if):
    assert results(run(task("a", run_if=run_if))) == {"a": "success"}
    assert results(run(task("a"), task("b", "a", run_if=run_if), only=["b"])) == {"b": "success"}


@pytest.mark.parametrize(
    "tasks, result",
    [
        ([task("good")], "success"),
        ([task("bad")], "failed"),
        ([task("bad"), task("good")], "failed"),
        ([task("bad"), task("good", "bad", run_if="ALL_DONE")], "success_with_failures"),
        ([task("bad"), task("good", "bad")], "failed"),
        ([task("good"), task("left", "good", run_if="ALL_FAILED")], "success"),
        ([task("good", disabled=True)], "success"),
    ],
)
def test_leaf_tasks_decide_what_a_run_is(tasks, result):
    done = run(*tasks, notebooks={"bad": lambda *_: fail()})
    assert (done.result, done.failed) == (result, result == "failed")
    assert ("successful with failures" in done.output) == (result == "success_with_failures")


def test_a_parent_goes_on_after_a_child_that_is_successful_with_failures():
    child = {"tasks": [task("bad"), task("good", "bad", run_if="ALL_DONE")]}
    parent = task("call", run_job_task={"job_id": "child"})
    assert results(run(parent, notebooks={"bad": lambda *_: fail()}, child=child)) == {"call": "success"}


def test_a_long_reason_is_cut_as_its_task_ends_and_whole_in_the_status():
    reason = f"ValueError: {'word ' * 300}end"
    done = run(task("a"), notebooks={"a": lambda *_: fail(reason)})
    assert len(done.output.splitlines()) <= 5 and done.output.endswith(" ...\n")
    assert statuses(done)["a"] == f"FAILED: {reason}"


def test_a_jobs_timeout_cancels_what_runs_and_what_waits():
    tasks = [task("quick"), task("slow"), task("after", "slow", run_if="ALL_DONE")]
    done = run(*tasks, notebooks={"slow": lambda *_: HANGS}, job={"timeout_seconds": "1"})
    assert results(done) == {"quick": "success", "slow": "canceled", "after": "canceled"}
    assert done.result == "timedout" and done.failed
    assert statuses(done)["slow"] == "FAILED: its job ran longer than 1 s"


def test_a_run_that_is_stopped_kills_its_notebooks_in_child_jobs_and_loops_too(monkeypatch):
    killed = []

    def stop(workspace):
        killed.append(workspace)
        raise KeyboardInterrupt

    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("fake_jobs.FakeWorkspace.check", stop)
    tasks = [task("a"), task("call", run_job_task={"job_id": "child"}), task("all", **each("[1]"))]
    with pytest.raises(KeyboardInterrupt):
        run(
            *tasks, notebooks=dict.fromkeys(("a", "x", "one"), lambda *_: HANGS), child={"tasks": [task("x")]}
        )
    (workspace,) = killed
    assert (workspace.killed, workspace.running) == (3, set())


def failing(times: int):
    """A notebook that fails so many times, then succeeds."""
    answers = iter([fail()] * times)
    return lambda *_: next(answers, succeed())


@pytest.mark.parametrize(
    "settings, times, tries, result",
    [
        ({}, 1, 1, "failed"),
        ({"max_retries": 0}, 1, 1, "failed"),
        ({"max_retries": "2"}, 2, 3, "success"),
        ({"max_retries": 2}, 3, 3, "failed"),
        ({"max_retries": -1}, 5, 6, "success"),
    ],
)
def test_a_failed_task_is_tried_again(settings, times, tries, result):
    done = run(task("a", **settings), notebooks={"a": failing(times)})
    (a,) = done.tasks
    assert (a.result, a.executions, len(done.workspace.calls)) == (result, tries, tries)
    assert done.output.count("it is tried again") == tries - 1


def test_tries_begin_an_interval_apart():
    times = []

    def fails(*_):
        times.append(time.monotonic())
        return fail()

    run(task("a", max_retries=1, min_retry_interval_millis=700), notebooks={"a": fails})
    assert times[1] - times[0] >= 0.7


@pytest.mark.parametrize("again, tries", [(False, 1), (True, 2)])
def test_a_timeout_is_tried_again_on_demand(again, tries):
    settings = {"timeout_seconds": 1, "max_retries": 1, "retry_on_timeout": again}
    (a,) = run(task("a", **settings), notebooks={"a": lambda *_: HANGS}).tasks
    assert (a.result, a.status, a.executions) == ("timedout", "FAILED: ran longer than 1 s", tries)


@pytest.mark.parametrize(
    "value, text",
    [
        (True, "true"),
        (None, "null"),
        ([1, "é", None], '[1, "é", null]'),
        ({"a": {"b": [True]}}, '{"a": {"b": [true]}}'),
        ((1, 2), "[1, 2]"),
        ({1: 2}, '{"1": 2}'),
        (1.5, "1.5"),
        ("text", "text"),
        ("[1]", "[1]"),
    ],
)
def test_task_values_arrive_as_json(value, text):
    own = TaskValues({})
    own.set("v", value)
    done = run(
        task("a"),
        task("b", "a", notebook_task=notebook("b", given="{{tasks.a.values.v}}")),
        notebooks={"a": lambda *_: succeed(**own.own)},
    )
    assert done.workspace.given("b") == [{"given": text}]
    assert TaskValues({"a": own.own}).get("a", "v", default="none") == json.loads(json.dumps(value))


@pytest.mark.parametrize("key, value", [(1, "x"), ("a", {1, 2}), ("a", float("nan")), ("a", "x" * 50_000)])
def test_what_has_no_json_or_too_much_is_no_task_value(key, value):
    with pytest.raises((ValueError, TypeError)):
        TaskValues({}).set(key, value)


KNOWN = {  # reference -> what it becomes
    "{{job.id}} {{job.name}} {{job.repair_count}} {{job.trigger.type}}": r"main Main 0 one_time",
    "{{ job.run_id }}": r"\d{13}",
    "{{job.start_time.iso_date}}": r"\d{4}-\d\d-\d\d",
    "{{job.trigger.time.iso_datetime}}": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "{{job.start_time.timestamp_ms}}": r"\d{13}",
    "{{job.start_time.iso_weekday}}{{job.start_time.is_weekday}}": r"[1-5]true|[67]false",
    "{{job.start_time.year}}/{{job.start_time.month}}/{{job.start_time.day}}": r"\d{4}/\d\d?/\d\d?",
    "{{job.start_time.hour}}:{{job.start_time.minute}}:{{job.start_time.second}}": r"\d\d?:\d\d?:\d\d?",
    "{{job.parameters.day}} {{job.parameters.`a b`}}": r"\d{4}-\d\d-\d\d x",
    "{{task.name}} {{task.execution_count}}": r"b 1",
    "{{task.run_id}}": r"\d{13}",
    "{{tasks.a.result_state}} {{tasks.a.execution_count}}": r"success 2",
    "{{tasks.a.run_id}}": r"\d{13}",
    "{{job_id}} {{task_key}} {{task_retry_count}}": r"main b 0",
    "{{run_id}} {{parent_run_id}} {{start_time}}": r"\d{13} \d{13} \d{13}",
    "{{start_date}}": r"\d{4}-\d\d-\d\d",
    "{{my.value}} {{job.id}": r"\{\{my\.value\}\} \{\{job\.id\}",
    "{{ x | upper }}": r"\{\{ x \| upper \}\}",
}


@pytest.mark.parametrize("text", KNOWN)
def test_references_become_what_is_documented_and_unknown_ones_stay(text):
    parameters = [{"name": "day", "default": "{{job.start_time.iso_date}}"}, {"name": "a b", "default": "x"}]
    done = run(
        task("a", max_retries=1),
        task("b", "a", notebook_task=notebook("b", given=text)),
        notebooks={"a": failing(1)},
        job={"parameters": parameters},
    )
    (given,) = done.workspace.given("b")
    assert re.fullmatch(KNOWN[text], given["given"])
    assert given["day"] == time.strftime("%Y-%m-%d", time.gmtime())


def test_a_reference_to_a_value_that_was_not_set_fails_its_task_alone():
    asking = task("b", "a", notebook_task=notebook("b", x="{{tasks.a.values.v}}"))
    done = run(task("a"), asking, task("c", "b", run_if="ALL_DONE"))
    assert results(done) == {"a": "success", "b": "failed", "c": "success"}
    assert statuses(done)["b"] == "FAILED: {{tasks.a.values.v}}: a has set no such task value; set it there"


def test_references_to_tasks_that_are_left_out_stay():
    done = run(task("a"), task("b", "a", notebook_task=notebook("b", x="{{tasks.a.values.v}}")), only=["b"])
    assert done.workspace.given("b") == [{"x": "{{tasks.a.values.v}}"}]


def test_a_child_job_gets_its_own_the_tasks_and_the_parents_parameters():
    """What the parent's job has wins, as job parameters win over those of any task."""
    child = {
        "parameters": [{"name": name, "default": "default"} for name in ("a", "b", "c")],
        "tasks": [task("x", notebook_task=notebook("x", kind="{{job.trigger.type}}", c="of the task"))],
    }
    call = {"job_id": "child", "job_parameters": {"a": "of the task", "b": "{{job.id}}"}}
    done = run(
        task("call", run_job_task=call),
        job={"parameters": [{"name": "a", "default": "of the parent"}, {"name": "d", "default": True}]},
        child=child,
    )
    expected = {"a": "of the parent", "b": "main", "c": "default", "d": "true", "kind": "run_job_task"}
    assert done.workspace.given("x") == [expected]


def test_other_tasks_run_while_a_child_job_does():
    child = {"tasks": [task("x", timeout_seconds=1)]}
    tasks = [task("call", run_job_task={"job_id": "child"}), task("y")]
    done = run(*tasks, notebooks={"x": lambda *_: HANGS}, child=child)
    assert [ended.key for ended in done.tasks] == ["y", "call"]


def test_two_runs_of_one_job_wait_for_each_other():
    call = {"job_id": "child"}
    child = {"tasks": [task("x", timeout_seconds=1)]}
    tasks = [task("first", run_job_task=call), task("second", run_job_task=call)]
    done = run(*tasks, notebooks={"x": lambda *_: HANGS}, child=child)
    assert done.workspace.most == 1 and results(done) == {"first": "failed", "second": "failed"}


@pytest.mark.parametrize(
    "left, op, right, outcome",
    [
        ("12.0", "EQUAL_TO", "12", "false"),
        ("a", "EQUAL_TO", "a", "true"),
        ("{{tasks.a.values.yes}}", "EQUAL_TO", "true", "true"),
        ("a", "NOT_EQUAL", "b", "true"),
        ("12.0", "GREATER_THAN_OR_EQUAL", "12", "true"),
        ("10.0", "GREATER_THAN_OR_EQUAL", "12", "false"),
        ("9", "GREATER_THAN_OR_EQUAL", "12", "false"),
        ("9", "GREATER_THAN", "10", "false"),
        ("9", "LESS_THAN", "10", "true"),
        ("1e2", "LESS_THAN_OR_EQUAL", "99", "false"),
        ("{{tasks.a.values.three}}", "GREATER_THAN", "-1", "true"),
        ("b", "GREATER_THAN", "1", "FAILED: 'b' is no number; compare text by EQUAL_TO or NOT_EQUAL"),
        (
            "{{tasks.a.values.many}}",
            "EQUAL_TO",
            "[]",
            "FAILED: {{tasks.a.values.many}} is []; make it a number, text or boolean",
        ),
    ],
)
def test_a_condition_compares_as_documented_and_only_its_branch_runs(left, op, right, outcome):
    done = run(
        task("a"),
        task("if", "a", condition_task={"left": left, "op": op, "right": right}),
        task("yes", "if=true"),
        task("no", "if=false"),
        task("then", "yes"),
        task("both", "yes no", run_if="AT_LEAST_ONE_SUCCESS"),
        notebooks={"a": lambda *_: succeed(yes=True, three=3, many=[])},
    )
    found = results(done)
    if outcome.startswith("FAILED"):
        assert statuses(done)["if"] == outcome
        assert {found[key] for key in ("yes", "no", "then", "both")} == {"upstream_failed"} and done.failed
        return
    branches = {"true": ("success", "excluded"), "false": ("excluded", "success")}
    assert (found["yes"], found["no"]) == branches[outcome]
    assert (found["then"], found["both"]) == (found["yes"], "success")
    assert done.result == "success"


def each(inputs, notebook_task=None, concurrency=None, **nested) -> dict:
    notebook_task = notebook_task or notebook("one", x="{{input}}")
    settings = {"inputs": inputs, "task": task("one", notebook_task=notebook_task, **nested)}
    return {"for_each_task": settings | ({"concurrency": concurrency} if concurrency else {})}


@pytest.mark.parametrize(
    "inputs, arrived",
    [
        ('["a", 1, true, null, [2], {"k": "v"}]', ["a", "1", "true", "null", "[2]", '{"k": "v"}']),
        ("{{tasks.a.values.items}}", ["p", "q"]),
        ("{{job.parameters.items}}", ["r"]),
        ("[]", []),
    ],
)
def test_for_each_runs_its_notebook_for_each_element(inputs, arrived):
    done = run(
        task("a"),
        task("all", "a", **each(inputs)),
        job={"parameters": [{"name": "items", "default": '["r"]'}]},
        notebooks={"a": lambda *_: succeed(items=["p", "q"])},
    )
    assert [given["x"] for given in done.workspace.given("one")] == arrived
    assert results(done) == {"a": "success", "all": "success"}


def test_for_each_gives_the_keys_of_an_element_and_the_nested_tasks_name():
    given = notebook("one", v="{{input.k}}", name="{{task.name}}")
    done = run(task("all", **each('[{"k": "v"}, {"k": [1]}]', given)))
    assert done.workspace.given("one") == [{"v": "v", "name": "one"}, {"v": "[1]", "name": "one"}]
    assert statuses(run(task("all", **each("[1]", given))))["all"] == (
        "FAILED: 1 of 1 iterations failed; FAILED: {{input.k}} has no value in this run; correct it"
    )


def test_for_each_runs_all_elements_and_fails_if_one_fails():
    notebooks = {"one": lambda parameters, _: fail() if parameters["x"] == "1" else succeed(v=1)}
    asking = notebook("after", x="{{tasks.all.values.v}}")
    after = task("after", "all", run_if="ALL_DONE", notebook_task=asking)
    done = run(task("all", **each("[0, 1, 2]")), after, notebooks=notebooks)
    assert len(done.workspace.given("one")) == 3
    assert statuses(done)["all"] == "FAILED: 1 of 3 iterations failed; FAILED: ValueError: no"
    assert results(done) == {"all": "failed", "after": "failed"}  # it has no task values of its iterations
    assert "all: 2 of 3" in done.output and "all: 3 of 3" in done.output


def test_for_each_tries_an_iteration_again():
    done = run(task("all", **each("[0]", max_retries=1)), notebooks={"one": failing(1)})
    assert results(done) == {"all": "success"} and len(done.workspace.given("one")) == 2


@pytest.mark.parametrize("concurrency, most", [(None, 1), ("2", 2), (9, 5)])
def test_for_each_runs_as_many_at_once_as_concurrency_and_cores_allow(concurrency, most, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    answers = iter([HANGS] * most)
    tasks = [task("all", **each("[0, 1, 2, 3, 4, 5, 6]", concurrency=concurrency, timeout_seconds=1))]
    done = run(*tasks, notebooks={"one": lambda *_: next(answers, succeed())})
    assert done.workspace.most == most  # one more than cores at the most
    assert len(done.workspace.given("one")) == 7
