"""`[tool.local_workspace]` of pyproject.toml: `whole_path` for `run`, `ignore` for rules left out."""

import tomllib
from pathlib import Path


def option(bundle_root: Path, name: str) -> list[str]:
    """A list of names; empty where nothing is said."""
    file = bundle_root / "pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return project.get("tool", {}).get("local_workspace", {}).get(name, [])
