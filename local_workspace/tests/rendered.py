"""A bundle for these tests: what the template's default answers render, as it is kept for review."""

import re
import shutil
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RENDERED = REPOSITORY / "tests/rendered"


def copy_rendered(folder: Path) -> Path:
    """A copy of it, with a lock that has what its pyproject.toml pins, as `uv lock` would write it."""
    shutil.copytree(RENDERED, folder)
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    packages = [re.match(r"([\w-]+)[^=]*(==)?([\w.]*)", text).groups() for text in project["dependencies"]]
    lock = [f'[[package]]\nname = "{name}"\nversion = "{version or 1}"\n' for name, _, version in packages]
    (folder / "uv.lock").write_text("\n".join(lock), "utf-8")
    return folder
