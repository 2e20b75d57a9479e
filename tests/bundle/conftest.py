"""The bundle in whose folder these tests are run, in a local workspace of its own.

They prove this template's notebooks and stand-ins, so they stand here and not in the bundle:
tests/test_all_kinds.py and tests/test_all_stand_ins.py bake one each, and run them in it.
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path.cwd()
sys.path.insert(0, str(ROOT))

from local_workspace.testing import LocalBundle  # noqa: E402


@pytest.fixture(scope="session")
def local_bundle(tmp_path_factory):
    os.environ["A_SECRET_OF_THE_TESTS"] = "x"
    with LocalBundle(ROOT, tmp_path_factory.mktemp("bundle") / "copy") as running:
        yield running


@pytest.fixture(scope="session")
def models():
    """Every model of the training job: its domain, type, algorithm, label, and if it has history."""
    found = {}
    for path in sorted(ROOT.glob("src/*/*/train_*.py")):
        constants = {}
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" = ")
            if name in ("DOMAIN", "MODEL_TYPE", "ALGORITHM", "LABEL"):
                constants[name.lower()] = value.split("  #")[0].strip('"')
        constants["history"] = "timestamp_lookup_key" in path.read_text()
        found[path.stem.removeprefix("train_")] = constants | {"path": path.relative_to(ROOT)}
    return found
