"""`[tool.local_workspace]` of pyproject.toml; README.md lists what can stand there."""

import tomllib
from pathlib import Path
from typing import Any

from local_workspace.errors import WorkspaceError


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
    return found
