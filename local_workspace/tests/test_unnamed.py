"""A table that a killed run has left without a name is moved away; without Spark or Java."""

import sys

import pytest
from local_workspace.workspace import belonging, unnamed
from test_belonging import use_java

JAVA = """#!{python}
from pathlib import Path
print("LOCATION\\n------\\n" + Path("locations").read_text() + "   \\n\\n2 rows selected\\nij> ")
"""


@pytest.fixture
def state(tmp_path, monkeypatch):
    """One with two tables in two schemas; its `locations` stand for those that the catalog has."""
    use_java(tmp_path / "java", monkeypatch, JAVA.format(python=sys.executable))
    state = tmp_path / "bundle"
    for name in ("gold.db/sales", "left", "gold.db/sales_2"):
        (state / f"warehouse/{name}/_delta_log").mkdir(parents=True)
    (state / belonging.CATALOG).parent.mkdir()
    (state / belonging.CATALOG).touch()
    (state / "locations").write_text(f"file:{state}/warehouse/gold.db/sales_2")
    return state


def tables(state):
    return sorted(log.parent.relative_to(state).as_posix() for log in state.rglob("_delta_log"))


def test_after_a_run_that_was_killed_what_has_no_name_is_kept_elsewhere(state):
    assert unnamed.begin(state) == ""  # of a first run
    for number in (1, 2):
        said = unnamed.begin(state)
        assert (
            f"{state}/warehouse/gold.db/sales without a name; its files are in {state}/left/gold.db" in said
        )
        assert (state / f"left/left-{number}").exists()
        for name in ("gold.db/sales", "left"):
            (state / f"warehouse/{name}/_delta_log").mkdir(parents=True)
    assert "warehouse/gold.db/sales_2" in tables(state)


def test_after_a_run_that_ended_in_order_nobody_is_asked(state):
    unnamed.begin(state)
    unnamed.end(state)
    assert unnamed.begin(state) == ""
    assert "warehouse/left" in tables(state)


def test_a_catalog_that_says_nothing_loses_no_table(state):
    (state / "locations").write_text("ij> ERROR XJ040: Failed to start database")
    before = tables(state)
    unnamed.begin(state)
    assert unnamed.begin(state) == ""
    assert tables(state) == before
