"""Beside the tests of the template, or alone, they are shared out in the same way."""

from mlflow_state import state  # noqa: F401 - a fixture
from schedule import pytest_collection_modifyitems, pytest_xdist_make_scheduler  # noqa: F401
