"""What the default answers give, kept in tests/rendered, so that a change of the template shows in review.

To bring it up to date: UPDATE_RENDERED=1 uv run pytest tests/test_rendered.py
"""

import os
import re
import shutil
from pathlib import Path

RENDERED = Path(__file__).parent / "rendered"
COPIED = ("packages", "tests", "uv.lock")  # unchanged: their source is reviewed
VARYING = (".cookiecutter.yml",)  # the template's address and version


def files(folder):
    """The content of each file that rendering makes, and whether it can be executed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in COPIED + VARYING:
            text = re.sub(r"\+h[0-9a-f]{8}\b", "+h00000000", path.read_text(encoding="utf-8"))
            found[name.as_posix()] = (os.access(path, os.X_OK), text)  # without the wheel's hash
    return found


def test_the_default_answers_render_what_was_reviewed(bake):
    bundle = bake()
    if "UPDATE_RENDERED" in os.environ:
        shutil.rmtree(RENDERED, ignore_errors=True)
        for name, (is_executable, text) in files(bundle).items():
            (RENDERED / name).parent.mkdir(parents=True, exist_ok=True)
            (RENDERED / name).write_text(text, encoding="utf-8")
            (RENDERED / name).chmod(0o755 if is_executable else 0o644)
    assert files(bundle) == files(RENDERED)
