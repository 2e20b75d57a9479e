"""The rules of this bundle, checked in its files within seconds: no Spark, no workspace.

Each rule is a function in the folder `rules`; a failure says what breaks it, where, and the remedy.
"""

from pathlib import Path

import pytest
from rules import (
    any_notebook,
    cron,
    job_schema,
    jobs,
    notebook_status,
    pins,
    scoring_notebooks,
    settings,
    status_gate,
    training_notebooks,
)
from rules.bundle_files import BundleFiles

RULES = (
    *settings.RULES,
    *pins.RULES,
    *jobs.RULES,
    *job_schema.RULES,
    *cron.RULES,
    *status_gate.RULES,
    *any_notebook.RULES,
    *notebook_status.RULES,
    *training_notebooks.RULES,
    *scoring_notebooks.RULES,
)


@pytest.fixture(scope="session")
def bundle():
    return BundleFiles(Path(__file__).resolve().parents[1])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_bundle_keeps_its_rules(rule, bundle):
    if rule is pins.the_lock_has_the_same_packages and not (bundle.root / "uv.lock").exists():
        pytest.skip("there is no uv.lock; run uv lock")
    broken = list(dict.fromkeys(rule(bundle)))
    if broken:
        pytest.fail("\n".join(broken), pytrace=False)
