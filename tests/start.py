"""The README's two commands, with all their set-up, on a machine with Python 3.11 or 3.12, Java 17 and git.

python3 tests/start.py predictions    renders ./my_project with the default answers and runs its whole path
python3 tests/start.py tests          runs the tests of this template
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
COMMANDS = {
    "predictions": [
        "run --quiet cookiecutter . --no-input",
        "run --directory my_project python -m local_workspace run",
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


def main() -> int:
    if sys.argv[1:] not in [[name] for name in COMMANDS]:
        print(__doc__, file=sys.stderr)
        return 2
    uv = find_uv()
    for command in COMMANDS[sys.argv[1]]:
        if "cookiecutter" in command and (TEMPLATE / "my_project").exists():
            continue  # rendered before; its owner may have changed it
        code = subprocess.run([uv, *command.split()], cwd=TEMPLATE).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
