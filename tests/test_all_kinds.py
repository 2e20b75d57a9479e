"""Runs tests/bundle in a bundle with every kind of model. By its name it begins first, beside other tests."""

import re
import shutil

from conftest import REPOSITORY, run
from test_bundle import EVERY_KIND


def test_our_notebooks_and_stand_ins_keep_their_promises(bake, environment):
    bundle = bake(models=EVERY_KIND, history_domains="visits")
    shutil.copytree(REPOSITORY / "tests/bundle", bundle / "template_tests")
    done = run(bundle, environment, "pytest", "template_tests")
    assert done.returncode == 0, done.stdout[-10000:] + done.stderr[-1000:]
    assert re.search(r"[2-9]\d\d passed", done.stdout)
