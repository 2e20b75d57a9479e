"""Beside the tests of the template, or alone, they are shared out in the same way."""

from schedule import pytest_collection_modifyitems, pytest_xdist_make_scheduler  # noqa: F401
