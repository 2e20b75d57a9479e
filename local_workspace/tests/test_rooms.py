"""How the package is built: which room imports which, and what its types promise."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def run(*command):
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)


def test_each_room_imports_only_from_those_after_it():
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_strict_type_checker_finds_nothing():
    done = run(sys.executable, "-m", "mypy")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_is_shown_whole():
    done = run(sys.executable, "-m", "local_workspace", "readme")
    assert done.returncode == 0, done.stderr
    assert (PROJECT / "README.md").read_text("utf-8").strip() in done.stdout
