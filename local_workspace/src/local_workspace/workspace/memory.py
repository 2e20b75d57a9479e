"""Whether this machine ran out of memory, where it says so: on Linux."""

from contextlib import suppress
from pathlib import Path

COUNTERS = ("/proc/vmstat", "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
SHORT = 0.05  # of all memory


def killed_for_memory() -> int:
    """How many processes the system has ended because memory ran out."""
    words = [line.split() for file in COUNTERS for line in _lines(file)]
    return sum(int(word[1]) for word in words if word[:1] == ["oom_kill"])


def is_short() -> bool:
    """Whether next to nothing is left."""
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in _lines("/proc/meminfo")}
    return sizes.get("MemAvailable", 1) < SHORT * sizes.get("MemTotal", 1)


def _lines(file: str) -> list[str]:
    with suppress(OSError):
        return Path(file).read_text().splitlines()
    return []
