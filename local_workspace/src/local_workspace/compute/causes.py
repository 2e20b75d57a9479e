"""Why Java or Spark did not start, told from what it printed: causes that are known, each with its remedy."""

import re
import resource
from pathlib import Path

LAST = 10_000  # characters of a log: what came long before an end is not its cause
ROOM_MB = 6000  # of addresses, with which a run was seen to work
LACKS_ADDRESSES = re.compile(
    r"Could not (reserve|allocate)|[Ff]ailed to (reserve|allocate|map)|Cannot allocate memory|"
    r"insufficient memory|unable to allocate|OutOfMemoryError|Cannot create (GC|worker) thread"
)
LOCKED = re.compile(r"/\S.* is locked by .*; end that, then run this again")  # as `locked` says it
CAUSES = (  # what is printed; what it means
    (
        re.compile(r"No space left on device|Disk quota exceeded"),
        "a disk is full: that of the temporary folder, or of this one; make room, or name another by TMPDIR",
    ),
    (
        re.compile(r"Too many open files"),
        "too many files are open; allow more, as by ulimit -n 4096",
    ),
    (
        re.compile(r"unable to create native thread|Resource temporarily unavailable"),
        "this user may start no more threads; end other programs, or allow more, as by ulimit -u 4096",
    ),
    (
        re.compile(r"Malformed input or input contains unmappable characters|InvalidPathException"),
        "Java cannot read a path outside ASCII, as the locale C.UTF-8 is missing; install it, or move the "
        "folder",
    ),
    (
        LACKS_ADDRESSES,
        "the memory does not suffice, of which Spark needs about 3 GB; end other programs, or give the "
        "machine or container more",
    ),
)


def cause(printed: str) -> str:
    """The cause with its remedy; empty where it is none of those that are known."""
    if locked := LOCKED.search(printed):
        return locked[0]
    addresses, _ = resource.getrlimit(resource.RLIMIT_AS)
    if addresses != resource.RLIM_INFINITY and LACKS_ADDRESSES.search(printed):
        return (
            f"only {addresses >> 20} MB of addresses are allowed, and Spark needs about {ROOM_MB}; "
            "allow more, as by ulimit -v unlimited"
        )
    return next((said for pattern, said in CAUSES if pattern.search(printed)), "")


def end_of(what: str, log: Path) -> str:
    """A sentence on what did not start, or has ended, with the cause where the end of its log tells one."""
    printed = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if why := cause(printed[-LAST:]):
        return f"{what}: {why}; its words are in {log}"
    return f"{what}; the reason stands in {log}"
