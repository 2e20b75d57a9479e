"""A state with an `mlflow.db` of two runs, and another program that holds a lock."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from local_workspace.workspace import damage, locked

RUNS = """
    CREATE TABLE alembic_version (version_num);
    CREATE TABLE experiments (artifact_location);
    CREATE TABLE runs (status, end_time, artifact_uri);
    INSERT INTO runs VALUES ('RUNNING', NULL, ''), ('FINISHED', 5, '');
"""


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setattr(locked, "SECONDS", 0.5)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.executescript(RUNS)
        (release, *_) = releases()
        store.execute("INSERT INTO alembic_version VALUES (?)", (release,))
        store.commit()
    return tmp_path


def releases():
    """That of MLflow's store which none follows."""
    mlflow = Path(damage.find_spec("mlflow").origin).parent
    texts = {
        file: file.read_text() for file in (mlflow / "store/db_migrations/versions").glob("[0-9a-f]*.py")
    }
    names = [file.name.split("_")[0] for file in texts]
    return [name for name in names if not any(f'down_revision = "{name}"' in text for text in texts.values())]


def holding(code, *arguments):
    """A process that has locked something, once it has said so."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys, time\n{code}\nprint('locked', flush=True)\ntime.sleep(60)"]
        + [str(argument) for argument in arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    return process
