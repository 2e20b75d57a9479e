"""`up` keeps a workspace running, which other commands find and use."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rendered import copy_rendered

SLEEPS = "# Databricks notebook source\nimport os, time\nprint(os.getpid(), flush=True)\ntime.sleep(300)\n"
STARTING = "Starting Spark"


class Commands:
    """Starts commands in the folder of a bundle."""

    def __init__(self, root: Path):
        self.root = root

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "local_workspace", *arguments],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # What runs in the background, or under nohup, ignores Ctrl-C, and so would this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and what is printed."""
        return ended(self.start(*arguments))


def ended(process: subprocess.Popen) -> tuple[int, str]:
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    root = copy_rendered(tmp_path_factory.mktemp("up") / "bundle")
    (root / "src/sleeps.py").write_text(SLEEPS)
    job = "resources:\n  jobs:\n    sleeps:\n      name: sleeps\n      tasks:\n        - task_key: sleeps\n"
    notebook = "          notebook_task:\n            notebook_path: ../../src/sleeps.py\n"
    (root / "resources/ml/sleeps.yml").write_text(job + notebook)
    return Commands(root)


def start_up(commands) -> subprocess.Popen:
    process = commands.start("up")
    assert STARTING in process.stdout.readline()
    while "Ready." not in (line := process.stdout.readline()):
        assert line, process.wait()
    return process


@pytest.fixture(scope="module")
def up(commands):
    process = start_up(commands)
    yield process
    process.kill()
    process.wait()


def start_sleeping(commands) -> tuple[subprocess.Popen, int]:
    """A run whose only task sleeps, and the task's process."""
    log = commands.root / ".local_workspace/logs/sleeps.sleeps.log"
    log.unlink(missing_ok=True)
    process = commands.start("run", "sleeps")
    return process, int(wait_for(lambda: log.exists() and log.read_text().strip()))


def test_commands_at_once_use_it(commands, up):
    run, asked = commands.start("run", "ml_sample_data"), commands.start("sql", "SELECT 41 + 1 AS answer")
    for code, output in (ended(asked), ended(run)):
        assert code == 0, output
        assert STARTING not in output
    code, output = commands.run("sql", "SHOW SCHEMAS")
    assert "local_gold" in output


def test_a_second_one_and_reset_are_refused(commands, up):
    code, output = commands.run("up")
    assert code == 2 and "`up` runs already for " in output
    code, output = commands.run("reset", "--yes")
    assert code == 2 and "is in use by another run, or by `up`; wait for it, or end it" in output


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_stopped_takes_its_tasks_along_and_nothing_else(commands, up, number):
    run, pid = start_sleeping(commands)
    run.send_signal(number)
    ended(run)
    wait_for(lambda: not is_running(pid))
    code, output = commands.run("sql", "SELECT 1")
    assert code == 0 and STARTING not in output


def test_one_that_is_older_than_the_packages_is_refused(commands, up):
    lock = commands.root / "uv.lock"
    before = lock.stat()
    os.utime(lock, ns=(before.st_atime_ns, time.time_ns()))
    code, output = commands.run("sql", "SELECT 1")
    os.utime(lock, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert code == 2 and "`up` runs since before packages or local_workspace changed; start it anew" in output


def test_after_it_was_killed_or_stopped_runs_end_at_once_and_the_next_command_starts_anew(commands, up):
    for number, own_code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        run, pid = start_sleeping(commands)
        up.send_signal(number)
        code, output = ended(run)
        assert code == 2 and output.endswith(
            "`up` has ended, and this with it; start it anew, or do without it\n"
        )
        wait_for(lambda pid=pid: not is_running(pid))
        assert up.wait(60) == own_code
        if number == signal.SIGKILL:
            up = start_up(commands)
