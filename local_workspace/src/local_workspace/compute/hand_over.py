"""What Spark starts as a Python daemon. It hands its input and output to `python_workers`, which forks one.

It imports next to nothing, and ends with the daemon.
"""

import json
import os
import socket
import sys
from pathlib import Path


def main() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(str(Path(__file__).with_name("socket")))
        asked = {"environment": dict(os.environ), "arguments": sys.argv}
        socket.send_fds(server, [json.dumps(asked).encode()], [0, 1, 2])
        server.shutdown(socket.SHUT_WR)
        server.recv(1)  # of nothing, when the daemon has ended


if __name__ == "__main__":
    main()
