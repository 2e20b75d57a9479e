"""A bundle with every kind of model in a local workspace, which all of these tests share."""

from pathlib import Path

import pytest
from baking import add_algorithm, render_apart
from local_workspace.testing import LocalBundle
from models import EVERY_KIND, EXTRA_TREES


@pytest.fixture(scope="session")
def local_bundle(template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("baked")
    answers = {"models": f"{EVERY_KIND}, {EXTRA_TREES}", "history_domains": "visits"}
    bundle = render_apart(add_algorithm(template, folder), folder, **answers)
    with LocalBundle(bundle, tmp_path_factory.mktemp("bundle") / "copy") as running:
        yield running


@pytest.fixture(scope="session")
def models(local_bundle):
    """Every model of the training job: its domain, type, algorithm, label, and if it has history."""
    found = {}
    for path in sorted(local_bundle.root.glob("src/*/*/train_*.py")):
        constants = {}
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" = ")
            if name in ("DOMAIN", "MODEL_TYPE", "ALGORITHM", "LABEL"):
                constants[name.lower()] = value.split("  #")[0].strip('"')
        constants["history"] = "timestamp_lookup_key" in path.read_text()
        path_in_bundle = path.relative_to(local_bundle.root)
        found[path.stem.removeprefix("train_")] = constants | {"path": path_in_bundle}
    return found


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("spark")
