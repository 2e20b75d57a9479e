"""The answer `monitoring`, and what a run of a job makes of an alert."""

import json
from types import SimpleNamespace

import pytest
from baking import REPOSITORY
from cookiecutter.exceptions import FailedHookException

from hooks.answers import check_answers


def test_without_monitoring_nothing_of_it_is_rendered(bake):
    bundle = bake(monitoring="no")
    named = ("monitor", "reference.json", "alerts_fail", "retrain")
    for path in bundle.rglob("*"):
        is_spared = (
            path.is_dir() or path.suffix == ".whl" or path.name in (".cookiecutter.yml", "pipeline_status.py")
        )
        assert "monitor" not in path.name
        text = "" if is_spared else path.read_text(encoding="utf-8")
        assert not [word for word in named if word in text], path


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"monitoring": "maybe"}, "monitoring: 'maybe' is not a choice; choose yes or no"),
        ({"models": "monitoring/a:regression:linear"}, "the domain 'monitoring' is a folder of the bundle"),
        (
            {"models": ",".join(f"a/m{n}:regression:linear" for n in range(500)), "monitoring": "yes"},
            "500 models make a monitoring job of 1002 tasks; answer no, since a job takes at most 1000",
        ),
    ],
    ids=["no choice", "a domain", "too many"],
)
def test_an_answer_that_no_monitoring_can_be_made_of_is_refused(answers, sentence):
    with pytest.raises(FailedHookException, match=sentence):
        check_answers(answers)


STATUS = REPOSITORY / "tests/rendered/src/my_project_ml/pipeline_status.py"
ALERT, FAILED = "ALERT: age has a PSI of 3.20", "FAILED: no such table"


@pytest.mark.parametrize(
    ("statuses", "alerts_fail", "raised"),
    [
        ({"a": "SUCCESS", "b": ALERT}, "true", f"0 of 2 tasks failed, 1 alerted. b: {ALERT}"),
        ({"a": "SUCCESS", "b": ALERT}, "false", None),
        ({"a": FAILED, "b": ALERT}, "true", f"1 of 2 tasks failed, 1 alerted. a: {FAILED}; b: {ALERT}"),
        ({"a": FAILED, "b": ALERT}, "false", f"1 of 2 tasks failed. a: {FAILED}"),
    ],
    ids=["alert", "alert that is none", "both", "failure"],
)
def test_an_alert_fails_the_run_only_if_it_is_to(statuses, alerts_fail, raised, capsys):
    given = {"run_id": "7", "repair_count": "0", "alerts_fail": alerts_fail}
    given["results"] = "\n".join(f"{task}: success" for task in statuses)
    values = SimpleNamespace(
        get=lambda taskKey, key, default: statuses[taskKey],  # noqa: N803
        set=lambda key, value: None,
    )
    dbutils = SimpleNamespace(
        widgets=SimpleNamespace(text=lambda *_: None, get=given.__getitem__),
        jobs=SimpleNamespace(taskValues=values),
        notebook=SimpleNamespace(exit=lambda status: None),
    )
    code = compile(STATUS.read_text(), "pipeline_status.py", "exec")
    if raised:
        with pytest.raises(RuntimeError, match=f"^{raised}$"):
            exec(code, {"dbutils": dbutils})
    else:
        exec(code, {"dbutils": dbutils})
    told = capsys.readouterr().out
    assert ("repair-run" in told) == (FAILED in statuses.values())
    assert not told.count("rerun_tasks") or json.dumps(["a", "pipeline_status"]) in told
