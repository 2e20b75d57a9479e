"""This bundle in a local workspace of its own, which all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_workspace.testing import LocalBundle

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def local_bundle(tmp_path_factory) -> Iterator[LocalBundle]:
    with LocalBundle(ROOT, tmp_path_factory.mktemp("bundle") / "copy") as running:
        yield running
