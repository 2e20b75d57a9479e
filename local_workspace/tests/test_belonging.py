"""State that was moved, copied or restored is its own folder's; without Spark or Java."""

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import belonging

CATALOG = "metastore_db/service.properties"
JAVA = """#!{python}
import re, sys
from pathlib import Path
script = sys.stdin.read()
Path("asked").open("a").write("asked\\n")
location = Path("location")
if "UPDATE" in script:
    refusal = Path("refusal").read_text() if Path("refusal").exists() else ""
    print(refusal)
    if refusal != "nothing was done":
        location.write_text(re.search("DB_LOCATION_URI = '(.*?)'", script)[1] + "/warehouse")
else:
    print("DB_LOCATION_URI\\n------\\n" + location.read_text() + "   \\n\\n1 row selected\\nij> ")
"""


def use_java(home: Path, monkeypatch, text: str) -> None:
    """`text` stands for Java with Derby's tool."""
    (home / "bin").mkdir(parents=True, exist_ok=True)
    (home / "bin/java").write_text(text)
    (home / "bin/java").chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(home))


@pytest.fixture
def state(tmp_path, monkeypatch):
    """One that was copied; its `location` stands for the catalog, `asked` has a line for each question."""
    use_java(tmp_path / "java", monkeypatch, JAVA.format(python=sys.executable))
    state = tmp_path / "bundle"
    (state / "metastore_db").mkdir(parents=True)
    (state / CATALOG).touch()
    (state / "location").write_text("file:/original/warehouse")
    return state


def asked(state: Path) -> int:
    """How often Derby was asked since the last time."""
    file = state / "asked"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return len(lines)


def test_a_copy_becomes_its_own_and_derby_is_asked_no_more(state):
    (state / "folder").write_text("/original")
    said = belonging.make_own(state, state)
    assert said.startswith("This state was moved or copied from /original; ")
    assert (state / "location").read_text() == f"file:{state}/warehouse"
    assert asked(state) == 3
    assert belonging.make_own(state, state) == "" and asked(state) == 0


JAVA_FAILS = {  # what stands for Java -> the sentence
    "echo Error occurred during initialization of VM; echo Too small maximum heap; exit 1": (
        "Error occurred during initialization of VM Too small maximum heap"
    ),
    "kill -9 $$": "it ended with -9",
    "echo 'Error: Could not find or load main class org.apache.derby.tools.ij' >&2; exit 1": (
        "Error: Could not find or load main class org.apache.derby.tools.ij"
    ),
    "echo 'There is insufficient memory for the Java Runtime'; exit 1": "the memory does not suffice, .*more",
}


@pytest.mark.parametrize("fails", JAVA_FAILS)
def test_a_copy_is_not_called_its_own_where_java_fails(state, tmp_path, monkeypatch, fails):
    use_java(tmp_path / "java", monkeypatch, f"#!/bin/sh\n{fails}\n")
    with pytest.raises(
        WorkspaceError, match=rf"^Java did not read {state}/metastore_db: {JAVA_FAILS[fails]}$"
    ):
        belonging.make_own(state, state)
    assert not (state / "folder").exists()


@pytest.mark.parametrize("refusal", ["ij> ij> ERROR 40XL1: A lock could not be obtained", "nothing was done"])
def test_a_copy_whose_paths_were_not_changed_is_not_called_its_own(state, refusal):
    (state / "refusal").write_text(refusal)
    why = "ERROR 40XL1: A lock could not be obtained" if "ERROR" in refusal else "Derby did not say why"
    with pytest.raises(WorkspaceError, match=rf"metastore_db may have the paths of another .* \({why}\); "):
        belonging.make_own(state, state)
    assert not (state / "folder").exists()


def test_a_folder_may_be_named_as_an_error_is(state):
    (state / "location").write_text("file:/an ERROR XJ040: x/warehouse")
    assert "from /an ERROR XJ040: x; " in belonging.make_own(state, state)


def test_a_catalog_without_a_schema_yet_is_its_folders_own(state, tmp_path, monkeypatch):
    said = "ij> ij> ERROR 42X05: Table/View '\"'APP.DBS'\"' does not exist."
    use_java(tmp_path / "java", monkeypatch, f"#!/bin/sh\necho '{said}'\n")
    assert belonging.make_own(state, state) == ""
    assert (state / "folder").exists()


def test_a_catalog_restored_from_another_bundle_becomes_its_own(state, tmp_path):
    belonging.make_own(state, state)
    asked(state)
    other = shutil.copytree(state / "metastore_db", tmp_path / "metastore_db")
    shutil.rmtree(state / "metastore_db")
    shutil.copytree(other, state / "metastore_db")
    (state / "location").write_text("file:/other/warehouse")
    assert "moved or copied from /other; " in belonging.make_own(state, state)
    assert (state / "location").read_text() == f"file:{state}/warehouse"


def test_a_record_of_an_older_release_costs_one_question(state):
    (state / "folder").write_text(str(state))
    (state / "location").write_text(f"file:{state}/warehouse")
    assert belonging.make_own(state, state) == "" and asked(state) == 1
    assert belonging.make_own(state, state) == "" and asked(state) == 0


def test_a_catalog_that_this_run_has_made_costs_no_question(state):
    shutil.move(state / "metastore_db", state / "later")
    assert belonging.make_own(state, state) == ""
    shutil.move(state / "later", state / "metastore_db")
    belonging.note(state)
    assert belonging.make_own(state, state) == "" and asked(state) == 0


def test_runs_and_traces_of_a_copy_have_their_files_in_it(state):
    with closing(sqlite3.connect(state / "mlflow.db")) as store:
        store.executescript("""
            CREATE TABLE experiments (artifact_location);
            CREATE TABLE runs (status, end_time, artifact_uri);
            CREATE TABLE trace_tags (key, value);
            INSERT INTO experiments VALUES ('/original/.local_workspace/mlruns/1');
            INSERT INTO runs VALUES ('FINISHED', 5, '/original/.local_workspace/mlruns/1/a/artifacts');
            INSERT INTO trace_tags VALUES
                ('mlflow.artifactLocation', '/original/.local_workspace/mlruns/1/traces/tr-1/artifacts'),
                ('mlflow.traceName', 'a');
        """)
    belonging.make_own(state, state)
    with closing(sqlite3.connect(state / "mlflow.db")) as store:
        paths = "SELECT artifact_location FROM experiments UNION ALL SELECT artifact_uri FROM runs"
        found = [path for (path,) in store.execute(f"{paths} UNION ALL SELECT value FROM trace_tags")]
    assert found == [
        f"{state}/mlruns/1",
        f"{state}/mlruns/1/a/artifacts",
        f"{state}/mlruns/1/traces/tr-1/artifacts",
        "a",
    ]
