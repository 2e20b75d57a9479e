"""The processes of a rendered bundle's run, and which of them is which; on Linux, whose /proc this reads."""

import os
from contextlib import suppress
from pathlib import Path

MARKS = {  # in the command of a process
    "main": "python -m local_workspace run",
    "up": "python -m local_workspace up",
    "Spark": "SparkConnectServer",
    "watchdog": "watchdog.py",
    "tracker": "resource_tracker",
    "forkserver": "forkserver",
}
ARCHIVE = ("class_archive.py", "-Xshare:dump")  # made once, in the background, after a first run


def processes(bundle: Path, temporary: Path | None = None) -> dict[int, str]:
    """Those that work in the bundle's folder, or have this folder for temporary files: their commands."""
    found, has_ours = {}, f"\0TMPDIR={temporary}"
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_text(errors="replace").replace("\0", " ").strip()
            if not command or any(mark in command for mark in ARCHIVE):
                continue  # one without a command has ended, and waits for its parent
            works_there = Path(os.readlink(process / "cwd")).is_relative_to(bundle)
            if works_there or (
                temporary and has_ours in "\0" + (process / "environ").read_text(errors="replace")
            ):
                found[int(process.name)] = command
    return found


def named(running: dict[int, str]) -> dict[str, list[int]]:
    """The processes of each name, the oldest first; tasks are what was forked last."""
    found = {
        name: [pid for pid, command in running.items() if mark in command] for name, mark in MARKS.items()
    }
    found["Spark"] = [pid for pid in found["Spark"] if pid not in found["watchdog"]]
    for name in ("main", "up"):
        found[name] = [pid for pid in found[name] if not running[pid].startswith("uv ")]
    servers = found["forkserver"]
    forked = sorted((pid for pid in servers if _parent(pid) in servers), key=_begin)
    found["forkserver"] = [pid for pid in servers if pid not in forked]
    return found | {"services": forked[:1], "workers": forked[1:2], "task": forked[2:]}


def cpu_seconds(pid: int) -> float:
    return (int(_stat(pid)[11]) + int(_stat(pid)[12])) / os.sysconf("SC_CLK_TCK")


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _begin(pid: int) -> int:
    return int(_stat(pid)[19])


def _stat(pid: int) -> list[str]:
    """Zeros for a process that has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return ["0"] * 20
