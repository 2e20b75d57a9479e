"""What the default answers give, kept in tests/rendered, so that a change of the template shows in review.

To bring it up to date: UPDATE_RENDERED=1 uv run pytest tests/test_rendered.py
"""

import os
import shutil
from pathlib import Path

RENDERED = Path(__file__).parent / "rendered"
COPIED = ("local_workspace", "tests", "upgrade.py", "uv.lock")  # unchanged: their source is reviewed
VARYING = (".cookiecutter.yml",)  # the template's address and version


def files(folder):
    """The content of each file that rendering makes, and whether it can be executed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in COPIED + VARYING:
            found[name.as_posix()] = (os.access(path, os.X_OK), path.read_text(encoding="utf-8"))
    return found


def test_the_default_answers_render_what_was_reviewed(bake):
    bundle = bake()
    if "UPDATE_RENDERED" in os.environ:
        shutil.rmtree(RENDERED, ignore_errors=True)
        shutil.copytree(bundle, RENDERED, ignore=shutil.ignore_patterns(*COPIED, *VARYING))
    assert files(bundle) == files(RENDERED)
