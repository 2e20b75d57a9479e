"""The rules of this bundle, one test each; `python -m local_workspace check` says the same, faster."""

from pathlib import Path

import pytest

from local_workspace.bundle_files import BundleFiles
from local_workspace.check import broken
from local_workspace.rules import RULES


@pytest.fixture(scope="session")
def bundle() -> BundleFiles:
    return BundleFiles(Path(__file__).resolve().parents[1])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_bundle_keeps_its_rules(rule, bundle):
    if sentences := broken(bundle, [rule]):
        pytest.fail("\n".join(sentences), pytrace=False)
