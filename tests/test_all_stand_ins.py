"""Runs tests/bundle/stand_ins in a bundle with every kind of model. By its name it begins as the second."""

from conftest import run_template_tests
from test_bundle import EVERY_KIND


def test_our_stand_ins_keep_their_promises(bake, environment):
    bundle = bake(models=EVERY_KIND, history_domains="visits")
    run_template_tests("stand_ins", 400, bundle, environment)
