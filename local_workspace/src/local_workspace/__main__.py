"""`local-workspace COMMAND`, also `python -m local_workspace COMMAND`; `commands` has a module for each."""

import argparse
import errno
import importlib
import os
import pkgutil
import select
import signal
import sys
from pathlib import Path

from local_workspace import commands
from local_workspace.errors import BundleError, WorkspaceError
from local_workspace.workspace.environment import leave_python_variables

NO_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    leave_python_variables()
    arguments = _parser().parse_args()
    _stop_in_order()
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except (BundleError, WorkspaceError) as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        if not _is_unread(sys.stdout.fileno()):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to write, at the end
        return 128 + signal.SIGPIPE
    except OSError as error:
        from local_workspace.workspace import damage, state

        if isinstance(error, FileNotFoundError) and state.NAME in Path(str(error.filename)).parts:
            print(damage.removed(error.filename), file=sys.stderr)
            return 2
        if error.errno not in NO_WRITING:
            raise
        file = error.filename or "The disk"
        print(f"{file}: {error.strerror}; make room there, or make it writable", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    """What each module of `commands` says that it takes."""
    parser = argparse.ArgumentParser(
        prog="local-workspace", description="Runs the jobs of a Databricks bundle on this machine."
    )
    parsers = parser.add_subparsers(dest="command", required=True)
    for found in pkgutil.iter_modules(commands.__path__):
        command = importlib.import_module(f"{commands.__name__}.{found.name}")
        own = parsers.add_parser(found.name.rstrip("_"), help=command.HELP)
        command.add_arguments(own)
        own.set_defaults(run=command.run)
    return parser


def _is_unread(pipe: int) -> bool:
    """Whether nobody reads any more, as after `| head`."""
    poll = select.poll()
    poll.register(pipe, 0)  # for what is said without having been asked for
    return bool(poll.poll(0))


def _stop_in_order() -> None:
    """Ends on Ctrl-C, on SIGTERM, and when the terminal closes; a second one does not disturb that."""
    numbers = [n for n in STOPS if signal.getsignal(n) != signal.SIG_IGN]  # as under nohup

    def stop(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, stop)


if __name__ == "__main__":
    sys.exit(main())
