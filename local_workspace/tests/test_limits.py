"""Memory, logs and numbers have limits, which are kept or refused with a sentence; without Spark."""

import re
import resource
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from local_workspace.compute import spark_settings
from local_workspace.errors import WorkspaceError
from local_workspace.jobs import outcomes, task_kinds
from local_workspace.notebooks import log, process
from local_workspace.options import MOST, option
from local_workspace.workspace import memory


def test_a_file_that_goes_while_a_task_begins_has_no_size(tmp_path):
    table = tmp_path / "warehouse/gold.db/sales"
    table.mkdir(parents=True)
    (table / "part.parquet").symlink_to("gone")  # as one that was listed, and then removed
    assert not spark_settings.has_large_table(tmp_path)


@pytest.mark.parametrize("was_short", [True, False])
def test_memory_is_named_only_where_it_was_short(was_short):
    process = SimpleNamespace(join=lambda: None, exitcode=-signal.SIGKILL)
    said = outcomes._death(process, 300, was_short)
    assert ("memory runs out" in said) == was_short
    assert said.startswith("its process was ended by SIGKILL") and "It had 300 MB" in said


def test_a_machine_tells_when_its_memory_is_short_and_whom_it_ended_for_that(monkeypatch):
    left = dict.fromkeys(["/proc/meminfo", *memory.COUNTERS], [])
    monkeypatch.setattr(memory, "_lines", lambda file: left[file])
    assert not memory.is_short() and memory.killed_for_memory() == 0  # where the system does not say
    for available, short in ((600, False), (400, True)):
        left["/proc/meminfo"] = ["MemTotal: 10000 kB", "MemFree: 1 kB", f"MemAvailable: {available} kB"]
        assert memory.is_short() == short
    left["/proc/vmstat"] = ["nr_free_pages 7", "oom_kill 2"]
    left["/sys/fs/cgroup/memory.events"] = ["oom 9", "oom_kill 1", "oom_group_kill 4"]
    assert memory.killed_for_memory() == 3


def test_a_tasks_log_is_cut_while_the_task_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "MOST", 3000)
    monkeypatch.setattr(log, "KEPT", 1000)
    file = tmp_path / "task.log"
    file.write_text("x" * 5000)
    running = task_kinds.Notebook.__new__(task_kinds.Notebook)
    running.log, running._memory, running._was_short = file, 0, False
    running._started = SimpleNamespace(
        process=SimpleNamespace(pid=0), result=SimpleNamespace(poll=lambda: False)
    )
    assert running.poll() is None
    assert "MB were cut out" in file.read_text()


def test_a_limit_of_memory_that_no_machine_has_is_refused_and_one_above_the_users_is_lowered(
    tmp_path, monkeypatch
):
    text = "[tool.local_workspace]\ntask_memory_mb = {}\n"
    (tmp_path / "pyproject.toml").write_text(text.format(1 << 60))
    with pytest.raises(WorkspaceError, match=r"task_memory_mb .* is 1152921504606846976; make it from 0 to "):
        option(tmp_path, "task_memory_mb", 0)
    set_to = []
    monkeypatch.setattr(process.resource, "setrlimit", lambda kind, limits: set_to.append(limits))
    for hard, limit in ((resource.RLIM_INFINITY, None), (1000, 1000)):
        monkeypatch.setattr(process.resource, "getrlimit", lambda kind, hard=hard: (hard, hard))
        process._limit_memory(MOST)
        assert set_to[-1][0] == set_to[-1][1] < 1 << 63
        assert limit in (None, set_to[-1][0])


def test_a_log_without_end_is_cut_in_the_middle_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "MOST", 3000)
    monkeypatch.setattr(log, "KEPT", 1000)
    path = tmp_path / "a.log"
    with open(log.begin(path), "w") as task:
        for round_ in range(3):
            task.writelines(f"{round_} {line}\n" for line in range(1000))
            task.flush()
            log.shorten(path)
            text = path.read_text()
            assert len(text) < 2200
            assert text.startswith("0 0\n0 1\n") and text.endswith(f"\n{round_} 999\n")
            assert "MB were cut out" in text
    (tmp_path / "small").write_text("as it is")
    log.shorten(tmp_path / "small")
    assert (tmp_path / "small").read_text() == "as it is"


@pytest.mark.parametrize(
    "arguments",
    [f"up --idle={text}" for text in ("nan", "-1", "0", "1e400", "x", "inf")]
    + [f"sample sales --rows={text}" for text in ("0", "-5", "1.5", "nan", "99999999999999")],
)
def test_a_number_out_of_range_is_refused_with_a_sentence(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "local_workspace", *arguments.split()], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert re.search(
        r"argument --(idle|rows): '.*' is not a (whole )?number from .* to .*; give one", done.stderr
    )
