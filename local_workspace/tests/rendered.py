"""A bundle for these tests: what the template's default answers render, as it is kept for review."""

import re
import shutil
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RENDERED = REPOSITORY / "tests/rendered"
ENVIRONMENT = "resources/ml/ml_environment.yml"


def copy_rendered(folder: Path) -> Path:
    """A copy of it, with a lock that has what is pinned, as `local-workspace lock` would write it."""
    shutil.copytree(RENDERED, folder)
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = re.findall(r"^      - (\S+==\S+)$", (folder / ENVIRONMENT).read_text("utf-8"), re.MULTILINE)
    asked = [*project["dependencies"], *sorted(set(pinned) - set(project["dependencies"]))]
    packages = [re.match(r"([\w-]+)[^=]*(==)?([\w.]*)", text).groups() for text in asked]
    lock = [f'[[package]]\nname = "{name}"\nversion = "{version or 1}"\n' for name, _, version in packages]
    (folder / "uv.lock").write_text("\n".join(lock), "utf-8")
    return folder
