"""A program on a terminal of its own."""

import contextlib
import os
import pty
import re
import select
import signal
import time
from pathlib import Path


class Terminal:
    """A running program, and what it has written; it is killed at the end of the `with`."""

    def __init__(self, command: list[str], environment: dict, folder: Path):
        self.pid, self._terminal = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.execve(command[0], command, environment)
        self._seen, self._ended = "", False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.close(self._terminal)

    def paste(self, text: str) -> None:
        """As a terminal does, in brackets, and Enter."""
        self._seen = ""
        waiting = f"\x1b[200~{text}\x1b[201~\r".encode()
        while waiting:
            waiting = waiting[os.write(self._terminal, waiting[:500]) :]
            self._read(0)

    def wait_for(self, text: str) -> str:
        deadline = time.monotonic() + 120
        while text not in self._seen:
            assert time.monotonic() < deadline and not self._ended, self._seen[-3000:]
            self._read(1)
        self._read(0.5)
        return self._seen

    def _read(self, seconds: float) -> None:
        while not self._ended and select.select([self._terminal], [], [], seconds)[0]:
            try:
                text = os.read(self._terminal, 2**16).decode(errors="replace")
            except OSError:  # so Linux says it; others read nothing
                text = ""
            self._ended = not text
            self._seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
