"""How the package is built: which room imports which, what it asks for, and what its types promise."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[1]


def run(*command):
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)


def test_each_room_imports_only_from_those_after_it():
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def imported(tree, may_lack=False):
    """The modules that a source imports, but for those that it can do without."""
    for node in ast.iter_child_nodes(tree):
        lacking = may_lack or isinstance(node, ast.With | ast.Try) and "ImportError" in ast.unparse(node)
        if isinstance(node, ast.Import) and not lacking:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and not lacking:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from imported(node, lacking)


def distributions(module, installed):
    """What has a module, also where several share its first name, as `databricks`."""
    folder = "/".join(module.split(".")[:2])
    names = set(installed[module.split(".")[0]])
    return {
        name for name in names if len(names) == 1 or folder in "\n".join(map(str, distribution(name).files))
    }


def test_what_it_imports_it_asks_for():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    installed, missing = packages_distributions(), set()
    for file in (PROJECT / "src").rglob("*.py"):
        for module in imported(ast.parse(file.read_text("utf-8"))):
            root = module.split(".")[0]
            if root not in sys.stdlib_module_names and root not in ("local_workspace", "__main__"):
                if not asked & set(map(canonicalize_name, distributions(module, installed))):
                    missing.add(f"{file.name}: {module}")
    assert not missing


def test_a_strict_type_checker_finds_nothing():
    done = run(sys.executable, "-m", "mypy")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_is_shown_whole():
    done = run(sys.executable, "-m", "local_workspace", "readme")
    assert done.returncode == 0, done.stderr
    assert (PROJECT / "README.md").read_text("utf-8").strip() in done.stdout
