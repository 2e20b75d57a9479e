"""What `run` returns, by what its notebooks say; without Spark."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_jobs import FakeWorkspace, fail, succeed
from local_workspace.workspace import opening
from rendered import copy_rendered

from local_workspace import __main__ as command_line

SAYS_FAILED = {"train_revenue": lambda *_: succeed(status="FAILED: no column b")}
RUNS = {  # notebooks that are not successful, the tasks that are run -> the exit code
    "all is well": ({}, ["train_revenue"], 0),
    "one says that it has nothing to do": (
        {"train_revenue": lambda *_: succeed(status="SKIPPED: 3 rows")},
        ["train_revenue"],
        0,
    ),
    "one says that it failed": (SAYS_FAILED, ["train_revenue"], 1),
    "one of two says that it failed": (SAYS_FAILED, ["train_revenue", "train_churn"], 1),
    "one that others wait for says that it failed": (
        {"create_feature_tables": lambda *_: succeed(status="FAILED: no table")},
        ["features_sales", "train_revenue"],
        1,
    ),
    "the last task says what failed": (
        SAYS_FAILED | {"pipeline_status": lambda *_: fail()},
        ["train_revenue", "pipeline_status"],
        1,
    ),
}


@pytest.mark.parametrize("what", RUNS)
def test_a_run_in_which_a_task_failed_ends_with_1(tmp_path, monkeypatch, capsys, what):
    notebooks, tasks, code = RUNS[what]
    monkeypatch.chdir(copy_rendered(tmp_path / "bundle"))
    workspace = FakeWorkspace(notebooks)
    workspace.state = workspace.logs = Path.cwd()

    @contextmanager
    def opened(root, output):
        yield workspace

    monkeypatch.setattr(opening, "open_workspace", opened)
    arguments = command_line._parser().parse_args(["run", "ml_training_pipeline", "--task", *tasks])
    assert arguments.run(arguments) == code
    printed = capsys.readouterr().out
    assert (" 0 failed" in printed) == (code == 0)
