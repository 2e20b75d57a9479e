"""One local workspace, which all of these tests share."""

import os
from pathlib import Path

import pytest
from local_workspace.testing import LocalBundle
from rendered import copy_rendered


@pytest.fixture(scope="session")
def local_bundle(tmp_path_factory):
    os.environ["A_SECRET_OF_THE_TESTS"] = "x"
    source = copy_rendered(tmp_path_factory.mktemp("source") / "bundle")
    with LocalBundle(source, tmp_path_factory.mktemp("bundle") / "copy") as running:
        yield running


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("spark")
