"""A bundle on which the soak runs its commands, and what must be true of it after each round."""

import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

from bundle_processes import cpu_seconds, named, processes
from cookiecutter.main import cookiecutter

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
LINES = 80  # that a command says at most; nine tasks that all fail have some seven each
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
