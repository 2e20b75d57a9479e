"""A task's log: what the task prints, cut in the middle where that has no end."""

import os
from pathlib import Path

MOST, KEPT = 64 << 20, 8 << 20  # bytes: of a log, and of its begin and its end where more came
CUT = "\n[... here {:,} MB were cut out, since a log has {:,} MB at most ...]\n"


def begin(path: Path) -> int:
    """A new log; what is printed goes to its end, also after it was cut."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)


def shorten(path: Path) -> None:
    """Cuts a log that has grown too large; a line that comes at that moment may be cut too."""
    if not path.exists() or (size := path.stat().st_size) <= MOST:
        return
    with open(path, "r+b") as log:
        log.seek(size - KEPT)
        end = log.read()
        log.truncate(KEPT)
        log.seek(0, os.SEEK_END)
        log.write(CUT.format((size - 2 * KEPT) >> 20, MOST >> 20).encode() + end)
