"""Which tests one process runs, since they share what is dear to start: a folder with Spark, else a file."""

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/notebooks/", "local_workspace/tests/spark/")


class Scheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)  # for runs without xdist
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
