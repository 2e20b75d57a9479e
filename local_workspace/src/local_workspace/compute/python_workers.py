"""Spark's Python workers, forked from a process that has the libraries loaded.

Spark starts a daemon for each session, and each would import MLflow, XGBoost and scikit-learn anew, 5 to 10 s
of the first scoring. So Spark's setting spark.python.daemon.module names `hand_over`, which asks the process
that runs `serve` for a fork of it.
"""

import json
import os
import runpy
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from local_workspace.compute.python_path import leave_bundle

DAEMON = "hand_over"
IDLE_SECONDS = 60  # after which Spark ends a worker, and a daemon without workers ends here


def prepare(folder: Path) -> dict[str, str]:
    """Puts into a folder what Spark starts; returns the environment in which it finds that."""
    shutil.copy(Path(__file__).with_name(f"{DAEMON}.py"), folder)
    return {"PYTHONPATH": str(folder)}


def serve(folder: Path, bundle_root: Path) -> None:
    """Forks a daemon for each `hand_over` that asks, until the process ends."""
    leave_bundle(bundle_root)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a daemon
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen()
    while True:
        connection, _ = listener.accept()
        message, descriptors = _receive(connection)
        if message and os.fork() == 0:
            listener.close()
            _become_daemon(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.close()


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while more := connection.recv(1 << 20):
        message += more
    return message, descriptors


def _become_daemon(asked: dict[str, Any], descriptors: list[int]) -> None:
    """Goes on as the Python that Spark asked for would: with its environment, input and output."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)
        sys.stderr = open(2, "w", buffering=1, closefd=False)
        os.environ.clear()
        os.environ |= asked["environment"]
        del os.environ["PYTHONPATH"]
        sys.argv = asked["arguments"]
        signal.signal(signal.SIGALRM, _end_if_idle)
        signal.setitimer(signal.ITIMER_REAL, IDLE_SECONDS, IDLE_SECONDS)
        runpy.run_module("pyspark.daemon", run_name="__main__")
    finally:
        os._exit(0)


def _end_if_idle(*_: object) -> None:
    """Ends a daemon without workers, as its session has most likely ended; else Spark starts another."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        signal.raise_signal(signal.SIGTERM)
