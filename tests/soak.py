"""Many runs in a row on one state, each with a fault that a seed draws, each followed by a whole run.

uv run python tests/soak.py [--rounds 100] [--seed 1] [--first 1] [--only FAULT]

A fault is a kind and what it meets, as `kill Spark`; `--only kill` draws from all of that kind. The fault of
a round depends on the seed and its number alone, so `--first 51` begins with that of round 51. Each round
prints the fault, its moment, what the run with it said, then of the whole run after it the time, the files
and the size of the state. After each, versions, their files, aliases, a table that no job writes, rows and
predictions must be as before. What is not as it must be stands below its round; with any such finding it
exits with 1. It needs Linux, whose /proc it reads; without root it fills no disk.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from statistics import median

from bundle_processes import cpu_seconds, named, processes
from cookiecutter.main import cookiecutter
from start import search_path

TEMPLATE = Path(__file__).resolve().parents[1]
MODEL, SCHEMAS = "sales/revenue:regression:linear", ("dev_local_gold", "dev_local_ml")
GOLD, FEATURES, PREDICTIONS = (
    f"spark_catalog.{SCHEMAS[0]}.sales",
    f"spark_catalog.{SCHEMAS[1]}.sales_features",
    f"spark_catalog.{SCHEMAS[1]}.revenue_predictions",
)
BY_HAND = f"spark_catalog.{SCHEMAS[1]}.by_hand"
DISK_MB = 1000  # of the state, and of temporary files
END_SECONDS = 180  # in which a run has ended after its fault
GONE_SECONDS = 10  # in which its processes have, once it has ended
GROWTH = {"CPU": 1.5, "handles": 1.2, "memory": 1.2}  # last by first third
FILES = 1.25  # of each version, by those of a version that no fault came before
LINES = 60  # that a command says at most
COUNT_NOTEBOOK = f"""\
# Databricks notebook source
import json
by_hand = "{BY_HAND}"  # a table that no job writes
spark.sql(f"CREATE TABLE IF NOT EXISTS {{by_hand}} AS SELECT uuid() AS made")
gold = [row[0] for row in spark.sql("SELECT sales_id FROM {GOLD}").collect()]
features = [row[0] for row in spark.sql("SELECT sales_id FROM {FEATURES}").collect()]
rows = spark.sql("SELECT sales_id, prediction, model_version FROM {PREDICTIONS}").collect()
print(json.dumps({{
    "rows": [len(gold), len(features), len(rows)],
    "keys": [len(set(gold)), len(set(features)), len({{row[0] for row in rows if row[1] is not None}})],
    "sum": round(sum(row[1] for row in rows), 2),
    "versions": sorted({{row[2] for row in rows}}),
    "by_hand": [row[0] for row in spark.table(by_hand).collect()],
}}))
"""
COUNT_JOB = """\
resources:
  jobs:
    count_rows:
      name: count rows
      tasks:
        - task_key: count
          notebook_task:
            notebook_path: ../../src/count_rows.py
"""
LOCKS = {  # a file of the state -> how another program locks it
    "mlflow.db": "s = sqlite3.connect(sys.argv[1]); s.execute('BEGIN EXCLUSIVE')",
    "metastore_db/dbex.lck": "f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX)",
}
REMOVED = {  # what of the state is removed -> whether it has to come from a copy
    "lock": False,
    "folder": False,
    "logs": False,
    "mlflow.db": True,
    "metastore_db/seg0/*.dat": True,
    "warehouse/*/*/*.parquet": True,
    "warehouse/*/*/_delta_log": True,
    "models/*/*/*/1/MLmodel": True,
    "metastore_db": True,
    "warehouse": True,
    "models": True,
    "all": True,
    "temporary files": False,
}
NOTICED = ("lock", "logs", "mlflow.db", "metastore_db", "warehouse", "all")  # at once, by a run that goes on
GONE = {  # what is gone before a run begins -> what the run says; nothing where it goes on
    "mlflow.db": "mlflow.db is gone",
    "metastore_db": "metastore_db is gone",
    "warehouse": None,
    "models": None,
    "mlruns": None,
    "lock": None,
    "folder": None,
    "logs": None,
}
CHANGES = {
    "predictions deleted": f"DELETE FROM {PREDICTIONS} WHERE sales_id % 2 = 0",
    "predictions wrong": f"UPDATE {PREDICTIONS} SET prediction = 0",
    "predictions dropped": f"DROP TABLE {PREDICTIONS}",
    "features wrong": f"UPDATE {FEATURES} SET age = 1",
    "features dropped": f"DROP TABLE {FEATURES}",
    "gold dropped": f"DROP TABLE {GOLD}",
}
ENDS_OF_A_STOP = {  # of those that can end in fewer ways than the others
    "main": ("SIGCONT", "kill -9 of main"),  # what is stopped hears no Ctrl-C
    "watchdog": ("SIGCONT", "Ctrl-C"),  # who would end Spark, and who the tasks
    "forkserver": ("SIGCONT", "Ctrl-C"),
    "tracker": ("SIGCONT", "Ctrl-C"),
}
BESIDE = {
    "run": ["run"],
    "sql": ["sql", f"SELECT count(*) FROM {PREDICTIONS}"],
    "reset": ["reset", "--yes"],
    "up": ["up"],
    "import": ["import", "sales", "nothing.csv"],
}


class Command:
    """A command of the bundle, in a process group of its own."""

    def __init__(self, soak: "Soak", arguments: list[str], folder: Path | None):
        self._file = soak.folder / f"said-{time.monotonic_ns()}"
        with open(self._file, "w") as output:
            self.process = subprocess.Popen(
                ["uv", "run", "--quiet", "--locked", "python", "-m", "local_workspace", *arguments],
                cwd=folder or soak.bundle,
                env=soak.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # What runs in the background ignores Ctrl-C, and so would this.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.begin = time.monotonic()

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    @property
    def output(self) -> str:
        return self._file.read_text(errors="replace")

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def until(self, seconds: float) -> None:
        """Waits until so many seconds after its begin, or until it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=max(0.0, self.begin + seconds - time.monotonic()))

    def end(self, seconds: float = END_SECONDS) -> bool:
        """Whether it ends by itself so soon; kills it if not."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=seconds)
        ended = not self.runs
        self.signal(signal.SIGKILL)
        self.process.wait()
        return ended

    def sentence(self) -> str:
        """The first failure, else the last line."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        failed = [line for line in lines if "FAILED" in line]
        said = " ".join((failed or lines[-1:] or ["nothing"])[0].split())
        return f"exit {self.process.returncode}: {said}"


class Soak:
    """The bundle and its processes; `findings` are those of the present round."""

    def __init__(self, folder: Path):
        self.folder, self.findings, self.missed = folder, list[str](), False
        self.disks = {"state": folder / "state", "temporary": folder / "t"}
        self.has_disks = os.getuid() == 0
        for disk in self.disks.values():
            disk.mkdir()
            if self.has_disks:
                options = f"size={DISK_MB}m,mode=700"
                done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "soak", disk])
                self.has_disks = done.returncode == 0
        self.environment = os.environ | {
            "TMPDIR": str(self.disks["temporary"]),
            "UV_PROJECT_ENVIRONMENT": str(folder / "venv"),
        }
        self.bundle = self._render()
        self.state = self.bundle / ".local_workspace"
        self.seconds = 60.0  # of the last whole run
        self.expected: dict[str, object] = {}

    def close(self) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for disk in self.disks.values():
            if os.path.ismount(disk):
                subprocess.run(["umount", "--lazy", disk])

    def _render(self) -> Path:
        """The bundle, whose whole path also counts rows."""
        answers = {"models": MODEL, "monitoring": "no", "ci": "none"}
        settings = {"cookiecutters_dir": str(self.folder), "replay_dir": str(self.folder)}
        bundle = Path(
            cookiecutter(
                str(TEMPLATE),
                no_input=True,
                extra_context=answers,
                output_dir=str(self.disks["state"]),
                default_config=settings,
            )
        )
        (bundle / "src/count_rows.py").write_text(COUNT_NOTEBOOK)
        (bundle / "resources/ml/count_rows.yml").write_text(COUNT_JOB)
        settings_file = bundle / "pyproject.toml"
        text = settings_file.read_text()
        settings_file.write_text(
            text.replace('"ml_inference_pipeline"]', '"ml_inference_pipeline", "count_rows"]')
        )
        command = ["uv", "sync", "--quiet", "--locked"]
        subprocess.run(command, cwd=bundle, env=self.environment, check=True)
        return bundle

    def start(self, *arguments: str, folder: Path | None = None) -> Command:
        return Command(self, list(arguments), folder)

    def processes(self) -> dict[int, str]:
        return processes(self.bundle, self.disks["temporary"])

    def find(self, what: str) -> list[int]:
        return named(self.processes())[what]

    def wait_for(self, what: str, command: Command) -> int:
        """A process that is meant, once it runs; 0 if the command ends before."""
        while command.runs and time.monotonic() < command.begin + END_SECONDS:
            if found := self.find(what):
                return found[-1]
            time.sleep(0.05)
        return 0

    def moment(self, chance: random.Random) -> float:
        return chance.uniform(0.5, 0.9 * self.seconds)

    def note(self, finding: str) -> None:
        self.findings.append(finding)

    def ended(self, command: Command, seconds: float = END_SECONDS) -> str:
        """What a command said; it must end, in sentences."""
        if not command.end(seconds):
            self.note(f"it went on {seconds:.0f} s after the fault; {command.output[-500:]}")
        if "Traceback (most recent call last)" in command.output:
            self.note(f"no sentence: {command.output}")
        if len(command.output.splitlines()) > LINES:
            self.note(f"it says more than it should: {command.output}")
        return command.sentence()

    def check_gone(self) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        for pid, command in left.items():
            self.note(f"left running: {pid} {command[:150]}")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def facts(self) -> dict[str, list]:
        """Versions, aliases and runs, as MLflow's store has them, and the files of the versions."""
        questions = {
            "versions": "SELECT version FROM model_versions ORDER BY version",
            "champion": "SELECT version FROM registered_model_aliases WHERE alias = 'champion'",
            "running": "SELECT run_uuid FROM runs WHERE status IN ('RUNNING', 'SCHEDULED')",
        }
        with closing(sqlite3.connect(f"file:{self.state}/mlflow.db?mode=ro", timeout=30, uri=True)) as store:
            found = {name: [row for (row,) in store.execute(asked)] for name, asked in questions.items()}
        files = sorted(path for path in (self.state / "models").rglob("*") if path.is_file())
        return found | {
            "files": [f"{path} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
        }

    def check_kept(self, before: dict[str, list]) -> None:
        """No version, no file of one, and no alias is lost or another."""
        now = self.facts()
        for name in ("versions", "files"):
            if lost := set(before[name]) - set(now[name]):
                self.note(f"{name} lost: {lost}")
        if now["champion"] != before["champion"]:
            self.note(f"champion was {before['champion']}, is {now['champion']}")
        for version in now["champion"]:
            if not list(self.state.glob(f"models/*/*/revenue/{version}/MLmodel")):
                self.note(f"version {version} has no files")

    def whole_run(self) -> dict[str, float]:
        """A run that must be whole; its figures."""
        has_store = (self.state / "mlflow.db").exists()
        before = self.facts() if has_store else {"versions": [], "champion": [], "files": []}
        peaks, command = {"CPU": 0.0, "handles": 0.0, "memory": 0.0}, self.start("run")
        watching = threading.Thread(target=self._watch, args=(command, peaks))
        watching.start()
        command.until(2 * END_SECONDS)
        command.end(0)
        watching.join()
        self.seconds = time.monotonic() - command.begin
        if command.process.returncode or "1 of 1 models scored" not in command.output:
            self.note(f"the run after it is not whole: {command.sentence()}\n{command.output}")
        if len(command.output.splitlines()) > 30:
            self.note(f"the run after it says more than it should: {command.output}")
        self.check_gone()
        for left in self.disks["temporary"].iterdir():
            if not left.name.startswith("uv-"):  # a lock of uv, which keeps it
                self.note(f"left in the temporary folder: {left.name}")
                shutil.rmtree(left, ignore_errors=True)  # or each later round would have it too
        now = self.facts()
        if before["versions"]:
            self.check_kept(before)
        if len(now["versions"]) != len(before["versions"]) + 1:
            self.note(f"versions were {before['versions']}, are {now['versions']}")
        if now["running"]:
            self.note(f"runs that are RUNNING: {now['running']}")
        self._check_rows(now["champion"])
        files = [file for file in self.state.rglob("*") if file.is_file()]
        sizes = {file: file.stat().st_size for file in files}
        self.by_folder = Counter(file.relative_to(self.state).parts[0] for file in files)
        figures = {"seconds": self.seconds, "files": len(files), "size": sum(sizes.values()) / 2**20}
        return figures | peaks | {"versions": len(now["versions"])}

    def _check_rows(self, champion: list[int]) -> None:
        log = self.state / "logs/count_rows.count.log"
        with suppress(OSError, ValueError):
            found = json.loads(log.read_text())
            log.unlink()  # the next run's is to be its own
            self.expected = self.expected or found  # of the first run
            if not self.expected["by_hand"]:  # the state began anew
                self.expected["by_hand"] = found["by_hand"]
            if found != self.expected or found["rows"] != found["keys"] or found["versions"] != champion:
                self.note(f"rows are {found}, not {self.expected}, champion {champion}")
            return
        self.note("nothing has counted the rows")

    def _watch(self, command: Command, peaks: dict[str, float]) -> None:
        """Open handles and memory in MB of all processes together, at their most, and their CPU time."""
        cpu = dict[int, float]()
        while command.runs:
            handles = memory = 0
            for pid in self.processes():
                cpu[pid] = max(cpu_seconds(pid), cpu.get(pid, 0.0))
                with suppress(OSError):
                    handles += len(os.listdir(f"/proc/{pid}/fd"))
                    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                    memory += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
            peaks["handles"] = max(peaks["handles"], handles)
            peaks["memory"] = max(peaks["memory"], memory / 1024)
            peaks["CPU"] = sum(cpu.values())
            time.sleep(1)


def kill(soak: Soak, what: str, chance: random.Random) -> str:
    """kill -9 of one process, or of the group of a run."""
    if what == "up":
        return kill_up(soak, chance)
    run = soak.start("run")
    run.until(moment := soak.moment(chance))
    if what == "group":
        run.signal(signal.SIGKILL)
    elif pid := soak.wait_for(what, run):
        moment = time.monotonic() - run.begin
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    else:
        soak.missed = True
    return f"after {moment:.1f} s: {soak.ended(run)}"


def kill_up(soak: Soak, chance: random.Random) -> str:
    up, run = started_up(soak)
    run.until(moment := chance.uniform(0.5, soak.seconds / 2))
    for pid in soak.find("up"):
        os.kill(pid, signal.SIGKILL)
    said = soak.ended(run)
    up.end()
    return f"after {moment:.1f} s: {said}"


def started_up(soak: Soak) -> tuple[Command, Command]:
    """`up`, ready, and a run in it."""
    up = soak.start("up")
    while up.runs and "Ready" not in up.output and time.monotonic() < up.begin + END_SECONDS:
        time.sleep(0.1)
    if "Ready" not in up.output:
        soak.note(f"up did not become ready: {up.output}")
    return up, soak.start("run")


def stop(soak: Soak, what: str, chance: random.Random) -> str:
    """SIGSTOP of one process, which goes on later, or whose run is stopped by Ctrl-C, or killed."""
    run = soak.start("run")
    run.until(soak.moment(chance))
    pid, seconds = soak.wait_for(what, run), chance.uniform(1, 15)
    moment = time.monotonic() - run.begin
    end = chance.choice(ENDS_OF_A_STOP.get(what, ("SIGCONT", "Ctrl-C", "kill -9 of main")))
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    soak.missed = not pid
    run.until(moment + seconds)
    if end == "Ctrl-C":
        run.signal(signal.SIGINT)
    elif end == "SIGCONT" and pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    else:
        for main in soak.find("main"):
            os.kill(main, signal.SIGKILL)
    said = soak.ended(run, END_SECONDS if end == "SIGCONT" else 30)
    if end == "SIGCONT" and run.process.returncode and what != "task":
        soak.note(f"it was to go on as if nothing had been: {run.output}")
    return f"after {moment:.1f} s, for {seconds:.0f} s, then {end}: {said}"


def fill(soak: Soak, what: str, chance: random.Random) -> str:
    """A disk that is full at a moment, but for some MB."""
    filler, left = soak.disks[what] / "filler", chance.choice([0, 1, 10, 30])
    run = soak.start("run")
    run.until(moment := soak.moment(chance))
    try:
        with suppress(OSError), open(filler, "wb", buffering=0) as file:
            while (free := shutil.disk_usage(soak.disks[what]).free - (left << 20)) > 0:
                file.write(bytes(min(free, 1 << 20)))
        said = soak.ended(run)
    finally:
        filler.unlink(missing_ok=True)
    return f"after {moment:.1f} s, {left} MB left: {said}"


def lock(soak: Soak, what: str, chance: random.Random) -> str:
    """Another program locks a file, for some seconds, or until the run has ended."""
    name = next(name for name in LOCKS if name.startswith(what))
    seconds, at_first = chance.choice([5, 15, None]), "metastore" in what or chance.random() < 0.3
    moment = 0.0 if at_first else soak.moment(chance)
    run = None if at_first else soak.start("run")
    if run:
        run.until(moment)
    code = f"import fcntl, sqlite3, sys, time; {LOCKS[name]}; print(flush=True); time.sleep(600)"
    other = subprocess.Popen(
        [sys.executable, "-c", code, soak.state / name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with other:
        soak.missed = not other.stdout.readline()  # it could not lock it
        run = run or soak.start("run")
        if seconds:
            run.until(time.monotonic() - run.begin + seconds)
            other.kill()
        said = soak.ended(run)
        other.kill()
    if seconds and run.process.returncode:
        soak.note(f"it was to wait for {seconds} s: {run.output}")
    if not soak.missed and not seconds and at_first and "is locked by" not in run.output:
        soak.note(f"it was to say who locks it: {run.output}")
    if "damaged" in run.output:
        soak.note(f"what is locked is not damaged: {run.output}")
    return f"after {moment:.1f} s, for {seconds or 'ever'} s: {said}"


def remove(soak: Soak, what: str, chance: random.Random) -> str:
    """Something of the state is removed; what cannot come again comes from a copy."""
    copy = soak.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(soak.state, copy, symlinks=True)
    run = soak.start("run")
    run.until(moment := soak.moment(chance))
    has_begun = bool(soak.find("Spark"))
    if what == "all":
        found = [soak.state]
    elif what == "temporary files":
        found = sorted(soak.disks["temporary"].glob("local_workspace-*"))
    else:
        found = sorted(soak.state.glob(what))
    soak.missed = not found
    for path in [chance.choice(found)] if found else []:
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = soak.ended(run)
    if what in NOTICED and has_begun and moment < soak.seconds / 2 and not run.process.returncode:
        soak.note(f"it was to notice that {what} is gone: {run.output}")
    soak.check_gone()
    if REMOVED[what]:
        shutil.rmtree(soak.state, ignore_errors=True)
        shutil.copytree(copy, soak.state, symlinks=True)
    return f"after {moment:.1f} s: {said}"


def beside(soak: Soak, what: str, chance: random.Random) -> str:
    """Another command while a run goes on, which must not notice it."""
    run = soak.start("run")
    soak.wait_for("Spark", run)
    run.until(moment := chance.uniform(0.5, soak.seconds / 2))
    soak.missed = not run.runs
    if soak.missed:
        return f"after {moment:.1f} s: it had ended; {soak.ended(run)}"
    other = soak.start(*BESIDE[what])
    said = soak.ended(other, 60)
    if what != "import" and "is in use by another run" not in other.output and run.runs:
        soak.note(f"it was to be refused: {other.output}")
    soak.ended(run)
    if run.process.returncode:
        soak.note(f"the run was disturbed: {run.output}")
    return f"after {moment:.1f} s: {said}"


def change(soak: Soak, what: str, chance: random.Random) -> str:
    """A table is changed while a run reads and writes it; both in the workspace of `up`."""
    up, run = started_up(soak)
    run.until(moment := chance.uniform(0.5, soak.seconds / 2))
    statement = soak.start("sql", CHANGES[what])
    soak.ended(statement)
    # Delta refuses one of two changes at once; whoever typed this one tries again
    soak.missed = "DELTA_CONCURRENT_APPEND" in statement.output
    if statement.process.returncode and not soak.missed:
        soak.note(f"the statement failed: {statement.output[-500:]}")
    said = soak.ended(run)
    up.signal(signal.SIGINT)
    soak.ended(up, 30)
    return f"after {moment:.1f} s: {said}"


def without(soak: Soak, what: str, chance: random.Random) -> str:
    """A run whose state lacks something from the begin; it comes from a copy afterwards."""
    copy = soak.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(soak.state, copy, symlinks=True)
    gone = soak.state / what
    soak.missed = not gone.exists()
    with suppress(OSError):
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    run = soak.start("run")
    said = soak.ended(run)
    if GONE[what] and not (run.process.returncode and GONE[what] in run.output):
        soak.note(f"it was to be refused: {run.output}")
    soak.check_gone()
    shutil.rmtree(soak.state, ignore_errors=True)
    shutil.copytree(copy, soak.state, symlinks=True)
    return said


def move(soak: Soak, what: str, chance: random.Random) -> str:
    """The bundle is moved, or a copy of it runs and drops its tables, which are no longer the original's."""
    other = soak.bundle.with_name("other")
    if what == "there and back":
        soak.bundle.rename(other)
    else:
        shutil.copytree(soak.bundle, other, symlinks=True)
    said = soak.ended(soak.start("run", folder=other))
    if what == "there and back":
        other.rename(soak.bundle)
        return said
    for table in (BY_HAND, PREDICTIONS):
        soak.ended(soak.start("sql", f"DROP TABLE {table}", folder=other))
    shutil.rmtree(other)
    return said


PROCESSES = ("main", "Spark", "watchdog", "forkserver", "tracker", "services", "workers", "task")
KINDS: dict[str, tuple[Callable[[Soak, str, random.Random], str], tuple[str, ...]]] = {
    "kill": (kill, (*PROCESSES, "group", "up")),
    "stop": (stop, PROCESSES),
    "fill": (fill, ("state", "temporary")),
    "lock": (lock, ("mlflow.db", "metastore_db")),
    "remove": (remove, tuple(REMOVED)),
    "beside": (beside, tuple(BESIDE)),
    "without": (without, tuple(GONE)),
    "move": (move, ("there and back", "a copy that drops its tables")),
    "change": (change, tuple(CHANGES)),
}


def play_round(soak: Soak, kind: str, what: str, chance: random.Random) -> tuple[str, dict[str, float]]:
    """What the run with the fault said, and the figures of the whole run after it."""
    before = soak.facts()
    said = KINDS[kind][0](soak, what, chance)
    soak.check_gone()
    if what == "all":
        soak.expected["by_hand"] = []
    else:
        soak.check_kept(before)
    return said, soak.whole_run()


def grown(rounds: list[dict[str, float]]) -> list[str]:
    """What grows that must not: figures of the last third beside those of the first, and files.

    The first two runs had no fault, so what they added is what each version may add.
    """
    third, found = len(rounds) // 3, []
    for name, most in GROWTH.items():
        parts = rounds[:third], rounds[-third:]
        first, last = (median(figures[name] for figures in part) for part in parts)
        said = f"; GROWS by more than {most}" if last > most * first else ""
        found.append(f"{name}: {first:.2f} in the first third, {last:.2f} in the last{said}")
    clean = rounds[1]["files"] - rounds[0]["files"]
    each = (rounds[-1]["files"] - rounds[1]["files"]) / max(1, rounds[-1]["versions"] - rounds[1]["versions"])
    said = f"; GROWS by more than {FILES}" if each > FILES * clean else ""
    return [*found, f"files for each version: {clean} without a fault, {each:.1f} with{said}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--only", default="", metavar="FAULT", help="the begin of its name, as 'kill main'")
    arguments = parser.parse_args()
    os.environ["PATH"] = search_path()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    faults = [(kind, what) for kind, (_, each) in KINDS.items() for what in each]
    faults = [(kind, what) for kind, what in faults if f"{kind} {what}".startswith(arguments.only)]
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        soak = Soak(Path(folder))
        try:
            numbers = range(arguments.first, arguments.rounds + 1)
            return play(soak, faults, numbers, arguments.seed)
        finally:
            soak.close()


def play(soak: Soak, faults: list[tuple[str, str]], numbers: range, seed: int) -> int:
    if not soak.has_disks:
        print("No disk is filled: only root can mount a small one.")
        faults = [(kind, what) for kind, what in faults if kind != "fill"]
    if not faults or not numbers:
        print("No such fault; kinds are", ", ".join(KINDS), "and --first is at most --rounds")
        return 2
    print(f"Rounds {numbers[0]} to {numbers[-1]}, seed {seed}, of {len(faults)} faults", flush=True)
    begin, bad, missed, rounds = time.monotonic(), 0, 0, list[dict[str, float]]()
    for _ in range(2):
        rounds.append(soak.whole_run())
    for finding in soak.findings:
        print(f"      FOUND: {finding}", flush=True)
        bad = 1
    folders = soak.by_folder
    try:
        for number in numbers:
            chance = random.Random(f"{seed} {number}")  # so that a round is the same without those before
            kind = chance.choice(sorted({kind for kind, _ in faults}))
            what = chance.choice([what for each, what in faults if each == kind])
            soak.findings, soak.missed = [], False
            said, figures = play_round(soak, kind, what, chance)
            rounds.append(figures)
            bad += bool(soak.findings)
            missed += soak.missed
            print(
                f"{number:3} {kind} {what}{' (met nothing)' * soak.missed} {said[:200]} | "
                f"{figures['seconds']:.0f} s, "
                f"{figures['CPU']:.0f} s of CPU, {figures['files']} files, {figures['size']:.1f} MB, "
                f"{figures['handles']:.0f} handles, {figures['memory']:.0f} MB memory"
            )
            for finding in soak.findings:
                print(f"      FOUND: {finding}")
            sys.stdout.flush()
    finally:  # also if it is stopped
        minutes = (time.monotonic() - begin) / 60
        played = f"{len(rounds) - 2} rounds, {missed} of which met nothing"
        print(f"\n{played}, seed {seed}, {minutes:.0f} minutes; {bad} with findings")
        versions = rounds[-1]["versions"] - rounds[0]["versions"]
        print(f"{versions:.0f} versions came. Files by folder, first and last, and for each version:")
        for name in sorted(folders | soak.by_folder):
            each = (soak.by_folder[name] - folders[name]) / max(1, versions)
            print(f"  {name}: {folders[name]}, {soak.by_folder[name]}, {each:.1f}")
        growth = grown(rounds) if len(rounds) >= 9 else []
        print("\n".join(growth), flush=True)
    return 1 if bad or any("GROWS" in line for line in growth) else 0


if __name__ == "__main__":
    sys.exit(main())
