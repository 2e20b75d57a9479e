"""Kills runs of a rendered bundle with -9 at random moments, and runs the bundle again after each.

uv run python tests/kill_runs.py [COUNT] [SEED]

By turns it kills the main process, its process group, Spark, and the services, as soon as they run. Each
time it prints when it did so, how the run ended, what stayed behind five seconds later, and whether the next
run worked. It exits with 1 unless nothing stayed behind and every next run worked. Ten take about fifteen
minutes on 2 cores. It needs Linux, whose /proc it reads.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cookiecutter.main import cookiecutter
from start import search_path

TEMPLATE = Path(__file__).resolve().parents[1]
RUN = ["uv", "run", "--quiet", "--locked", "python", "-m", "local_workspace", "run"]
LAST_SECOND = 45  # of a run, in which it may be killed
GONE_SECONDS = 5


def processes(bundle: Path) -> dict[int, str]:
    """Those that work in the bundle's folder: their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(folder / "cwd")).is_relative_to(bundle):
                command = (folder / "cmdline").read_text().replace("\0", " ").strip()
                if command:  # a process that has ended and waits for its parent has none
                    found[int(folder.name)] = command
        except OSError:
            continue
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def chosen(what: str, bundle: Path) -> int | None:
    """The process that is meant, if it runs."""
    running = processes(bundle)
    if what == "Spark":
        return next((pid for pid in running if "java" in running[pid].split(" ")[0]), None)
    if what == "services":
        servers = [pid for pid, command in running.items() if "forkserver" in command]
        children = [pid for pid in servers if parent(pid) in servers]
        return min(children, default=None)
    return next((pid for pid in running if re.match(r"\S+python\S* -m local_workspace", running[pid])), None)


def kill_one(bundle: Path, what: str, seconds: float) -> str:
    process = subprocess.Popen(
        RUN, cwd=bundle, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    begin = time.monotonic()
    time.sleep(seconds)
    if what == "group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        while not (pid := chosen(what, bundle)) and process.poll() is None:
            time.sleep(0.05)  # it has not started yet
        if pid:
            os.kill(pid, signal.SIGKILL)
    seconds = time.monotonic() - begin
    try:
        output, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output = "HANGS"
    return f"{what} after {seconds:.1f} s: exit {process.returncode}, {output.strip().splitlines()[-1:]}"


def main() -> int:
    os.environ["PATH"] = search_path()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"{count} kills, seed {seed}", flush=True)
    moments, good = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        settings = {"cookiecutters_dir": folder, "replay_dir": folder}
        bundle = Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=folder, default_config=settings))
        subprocess.run(RUN, cwd=bundle, check=True, stdout=subprocess.DEVNULL)
        for n in range(count):
            said = kill_one(
                bundle, ["main", "group", "Spark", "services"][n % 4], moments.uniform(1, LAST_SECOND)
            )
            deadline = time.monotonic() + GONE_SECONDS
            while (left := processes(bundle)) and time.monotonic() < deadline:
                time.sleep(0.1)
            again = subprocess.run(RUN, cwd=bundle, capture_output=True, text=True)
            works = again.returncode == 0 and "3 of 3 models scored" in again.stdout
            good += works and not left and "HANGS" not in said
            print(
                f"{n + 1}. {said}\n   left: {list(left.values()) or 'nothing'}; next run: "
                f"{'works' if works else again.stdout + again.stderr}",
                flush=True,
            )
    print(f"{good} of {count}: nothing stayed behind, and the next run worked")
    return 0 if good == count else 1


if __name__ == "__main__":
    sys.exit(main())
