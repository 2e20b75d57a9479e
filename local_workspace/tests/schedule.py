"""Which tests one process runs, since they share what is dear to start, and which begin first.

What needs Spark is three parts, about as long, each with a workspace of its own: what the jobs leave, whose
tests build on each other, all else of the notebooks, and whole bundles with what `local_workspace` does.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

SCOPES = (  # those that take longest begin first; behind them each file is one
    ("tests/notebooks/test_pipelines.py", "tests/notebooks/test_spark_training.py"),
    ("tests/notebooks/",),
    ("tests/test_bundle.py", "local_workspace/tests/spark/"),
)
APART = "tests/test_upgrade.py"  # last: its tests share little, so each is for a process that idles


def place(file: str) -> int:
    """Of a file among the scopes, or behind them."""
    found = (place for place, paths in enumerate(SCOPES) if file.startswith(paths))
    return next(found, len(SCOPES) + (file == APART))


class Scheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        if file == APART:
            return nodeid
        return SCOPES[place(file)][0] if place(file) < len(SCOPES) else file


@pytest.hookimpl(optionalhook=True)  # for runs without xdist
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)


def pytest_collection_modifyitems(items):
    """Pytest gives folders that lie in each other in its own order, whatever `testpaths` says."""
    items.sort(key=lambda item: place(item.nodeid.partition("::")[0]))
