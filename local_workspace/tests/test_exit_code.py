"""What `run` returns, by what its notebooks say; without Spark."""

import os
import re
import stat
import subprocess
import sys
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


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A workspace that `run` gets, whose notebooks are all successful."""
    monkeypatch.chdir(copy_rendered(tmp_path / "bundle"))
    workspace = FakeWorkspace({})
    workspace.state = workspace.logs = Path.cwd()

    @contextmanager
    def open_it(root, output):
        yield workspace

    monkeypatch.setattr(opening, "open_workspace", open_it)
    return workspace


@pytest.mark.parametrize("what", RUNS)
def test_a_run_in_which_a_task_failed_ends_with_1(opened, capsys, what):
    notebooks, tasks, code = RUNS[what]
    opened.notebooks = notebooks
    arguments = command_line._parser().parse_args(["run", "ml_training_pipeline", "--task", *tasks])
    assert arguments.run(arguments) == code
    printed = capsys.readouterr().out
    assert (" 0 failed" in printed) == (code == 0)
    assert stat.S_IMODE(Path("ml_training_pipeline.lock").stat().st_mode) == 0o600  # as all of the state


def test_what_scored_with_a_remark_has_scored(opened, capsys):
    said = {
        "revenue": "SUCCESS: champion 3 is no better",
        "churn": "SUCCESS",
        "outliers": "SKIPPED: no champion",
    }
    opened.notebooks = {"score_model": lambda given, _: succeed(status=said[given["model_name"]])}
    scores = [f"score_{name}" for name in said]
    arguments = command_line._parser().parse_args(["run", "ml_inference_pipeline", "--task", *scores])
    assert arguments.run(arguments) == 0
    assert "2 of 3 models scored" in capsys.readouterr().out


def test_a_run_whose_logs_are_removed_ends_with_a_sentence(opened, monkeypatch, capsys):
    monkeypatch.setattr(command_line, "leave_python_variables", lambda: None)
    monkeypatch.setattr(command_line, "_stop_in_order", lambda: None)
    monkeypatch.setattr(sys, "argv", ["local-workspace", "run", "ml_training_pipeline"])
    opened.logs = Path.cwd() / ".local_workspace/logs"  # which are not there
    assert command_line.main() == 2
    said = r"/\S+/logs/ml_training_pipeline.lock: this was removed while the workspace ran; start it anew\n"
    assert re.fullmatch(said, capsys.readouterr().err)


def test_what_nobody_reads_any_more_is_no_traceback(tmp_path):
    """As of `| head`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "local_workspace", "check"]
    root = copy_rendered(tmp_path / "bundle")
    done = subprocess.run(command, cwd=root, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.stderr, done.returncode) == ("", 141)
