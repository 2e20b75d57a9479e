"""Runs tests/bundle/notebooks in a bundle with every kind of model.

By its name it begins first; tests/test_all_stand_ins.py runs beside it, as each file is one process's.
"""

from conftest import run_template_tests
from test_bundle import EVERY_KIND


def test_our_notebooks_keep_their_promises(bake, environment):
    bundle = bake(models=EVERY_KIND, history_domains="visits")
    run_template_tests("notebooks", 100, bundle, environment)
