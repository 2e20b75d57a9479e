"""Runs a command, and kills it when the process that started this one has ended, however that ended.

python watchdog.py COMMAND ARGUMENT ...; standard input is a pipe that closes with the starting process.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: None)  # it is for the command, after which this ends
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_watch, daemon=True).start()
    return process.wait()


def _watch() -> None:
    os.read(0, 1)  # nothing is ever written to it; sys.stdin would be locked when this ends
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
