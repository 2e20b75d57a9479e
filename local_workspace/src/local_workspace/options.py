"""`[tool.local_workspace]` of pyproject.toml; README.md lists what can stand there."""

import argparse
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_workspace.errors import WorkspaceError

MOST = 1_000_000_000  # of a whole number, which as MB the system can still take


def option(bundle_root: Path, name: str, default: list[str] | int) -> Any:
    """What the bundle's owner says, else `default`; raises where it is of another type."""
    file = bundle_root / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{file} cannot be read, {error}; correct it") from None
    found = project.get("tool", {}).get("local_workspace", {}).get(name, default)
    if type(found) is not type(default):
        kind = "a list of names" if isinstance(default, list) else "a whole number"
        raise WorkspaceError(f"{file}: {name} of [tool.local_workspace] is {found!r}; make it {kind}")
    if isinstance(found, int) and not 0 <= found <= MOST:
        problem = f"{name} of [tool.local_workspace] is {found}; make it from 0 to {MOST:,}"
        raise WorkspaceError(f"{file}: {problem}")
    return found


def number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    """What an argument of a command is made by, where it is to be a number in this range."""

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # nor is nan
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least:,} to {most:,}; give one")
        return value

    return convert
