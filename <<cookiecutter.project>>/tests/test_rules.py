"""The rules of this bundle, one test each; `local-workspace check` says the same, faster."""

import pytest
from local_workspace.testing import RULES, BundleFiles, broken


@pytest.fixture(scope="session")
def bundle(pytestconfig) -> BundleFiles:
    return BundleFiles(pytestconfig.rootpath)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_bundle_keeps_its_rules(rule, bundle):
    if sentences := broken(bundle, [rule]):
        pytest.fail("\n".join(sentences), pytrace=False)
