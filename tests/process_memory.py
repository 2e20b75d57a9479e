"""Resident memory of a local workspace's processes, of the largest of each kind."""

import subprocess
import threading

KINDS = ("Spark", "a Python worker of Spark", "a task")


def megabytes(root: int) -> dict[str, int]:
    """Each kind's largest process below the process `root`, at this moment.

    Tasks and the process that forks Spark's daemons are children of the fork server; workers are deeper.
    """
    command = ["ps", "-eo", "pid=,ppid=,rss=,args="]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    processes = {}
    for line in shown:
        pid, parent, size, words = line.split(maxsplit=3)
        processes[int(pid)] = int(parent), int(size) // 1024, words
    found = dict.fromkeys(KINDS, 0)
    for pid, (_, size, words) in processes.items():
        above = _ancestors(pid, processes)
        if root not in above:
            continue
        depth = sum("multiprocessing.forkserver" in processes[parent][2] for parent in above)
        kind = "Spark" if "SparkConnectServer" in words else {1: "a task", 3: KINDS[1]}.get(depth)
        if kind:
            found[kind] = max(found[kind], size)
    return found


def _ancestors(pid: int, processes: dict[int, tuple]) -> list[int]:
    found = []
    while (pid := processes[pid][0]) in processes:
        found.append(pid)
    return found


class Watch:
    """Keeps what `megabytes` gives, twice a second, in `seen`, until the block ends."""

    def __init__(self, root: int):
        self.seen: list[dict[str, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(root,), daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def peaks(self) -> dict[str, int]:
        return {kind: max((each[kind] for each in self.seen), default=0) for kind in KINDS}

    def _look(self, root: int) -> None:
        while not self._ended.wait(0.5):
            self.seen.append(megabytes(root))
