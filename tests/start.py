"""The README's two commands, with all their set-up, on a machine with Python 3.11 or 3.12, Java 17 and git.

Bundles run on Python 3.12: uv takes one on the PATH, to which this adds those of pyenv, and
else downloads it.

python3 tests/start.py predictions    renders ./my_project with the default answers and runs its whole path
python3 tests/start.py tests          runs the tests of this template
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
COMMANDS = {
    "predictions": [
        "run --quiet --no-default-groups cookiecutter . --no-input",
        "run --directory my_project local-workspace run",
    ],
    "tests": ["run --quiet pytest"],
}


def find_uv() -> str:
    """The uv on the PATH; else one in a folder of its own, since some systems take no pip install."""
    if found := shutil.which("uv"):
        return found
    folder = TEMPLATE / ".uv"
    if not (folder / "bin/uv").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", "uv"], check=True)
    return str(folder / "bin/uv")


def search_path() -> str:
    """The PATH, and behind it each Python of pyenv, of which only the chosen one starts from the PATH."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, pyenv.glob("versions/*/bin"))])


def main() -> int:
    if sys.argv[1:] not in [[name] for name in COMMANDS]:
        print(__doc__, file=sys.stderr)
        return 2
    uv, environment = find_uv(), os.environ | {"PATH": search_path()}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or each process compiles all its libraries anew
    for command in COMMANDS[sys.argv[1]]:
        if "cookiecutter" in command and (TEMPLATE / "my_project").exists():
            continue  # rendered before; its owner may have changed it
        code = subprocess.run([uv, *command.split()], cwd=TEMPLATE, env=environment).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
