"""The faults that the soak draws from: a kind is a function, and has names of what it meets."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from soak_bundle import BY_HAND, END_SECONDS, FEATURES, GOLD, PREDICTIONS, Command, Soak

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


def first(soak: Soak, what: str, chance: random.Random) -> str:
    """The same amid a first run, which makes all tables."""
    shutil.rmtree(soak.state)
    return kill(soak, what, chance)


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
        temporary = soak.disks["temporary"]  # ours, and that of Python's processes
        found = sorted([*temporary.glob("local_workspace-*"), *temporary.glob("pymp-*")])
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
    "first": (first, ("main", "Spark", "group")),
    "stop": (stop, PROCESSES),
    "fill": (fill, ("state", "temporary")),
    "lock": (lock, ("mlflow.db", "metastore_db")),
    "remove": (remove, tuple(REMOVED)),
    "beside": (beside, tuple(BESIDE)),
    "without": (without, tuple(GONE)),
    "move": (move, ("there and back", "a copy that drops its tables")),
    "change": (change, tuple(CHANGES)),
}
