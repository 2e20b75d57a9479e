"""This bundle in a local workspace of its own, which all tests share."""

from collections.abc import Iterator

import pytest
from local_workspace.testing import LocalBundle


@pytest.fixture(scope="session")
def local_bundle(pytestconfig, tmp_path_factory) -> Iterator[LocalBundle]:
    with LocalBundle(pytestconfig.rootpath, tmp_path_factory.mktemp("bundle") / "copy") as running:
        yield running
