"""`sql`: what it prints, what it writes, and what it refuses in a line."""

import contextlib
import csv
from argparse import Namespace

import pytest
from local_workspace.commands import sql as command
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import opening


@pytest.fixture
def sql(local_bundle, monkeypatch):
    """Runs a statement in the running workspace."""
    monkeypatch.chdir(local_bundle.root)
    monkeypatch.setattr(opening, "open_workspace", lambda root: contextlib.nullcontext(local_bundle))
    return lambda statement, file=None: command.run(Namespace(statement=statement, csv=file))


REFUSED = {
    "SELECT * FROM dev.gold.nothing": r"^sql: The table or view .*nothing.* cannot be found",
    "SELEC 1": r"^sql: Syntax error at or near 'SELEC'",
    "SELECT nothing FROM range(1)": r"^sql: A column, variable, or function parameter with name `nothing`",
    "SELECT 1 / 0": r"^sql: Division by zero",
    "CACHE TABLE x": r"^sql: CACHE TABLE is not supported on serverless compute",
}


@pytest.mark.parametrize("statement", REFUSED)
def test_a_statement_that_fails_is_refused_in_a_line(sql, statement):
    with pytest.raises(WorkspaceError, match=REFUSED[statement]) as refused:
        sql(statement)
    assert len(str(refused.value).splitlines()) == 1


def test_a_statement_prints_its_table(sql, capsys):
    names = ("dev.gold", "dev.dev_local_gold", "`dev` . `gold`")
    sql("CREATE SCHEMA IF NOT EXISTS dev.gold")
    sql("CREATE TABLE dev.gold.own_names AS SELECT 'dev.gold.x' AS x, timestamp'2025-01-01 00:00:00Z' AS t")
    for name in names:
        capsys.readouterr()
        sql(f"SELECT *, NULL AS n FROM {name}.own_names")
        assert capsys.readouterr().out.splitlines()[3] == "|dev.gold.x|2025-01-01 00:00:00|NULL|"


def test_a_csv_file_has_all_rows_and_is_not_touched_by_a_failure(sql, tmp_path):
    file = tmp_path / "a.csv"
    time = "IF(id = 7, NULL, timestamp'2025-01-01 00:00:00Z') AS t"
    statement = f"SELECT id, id AS id, {time} FROM range(2000) ORDER BY 1"
    sql(statement, file)
    before = file.read_text()
    lines = list(csv.reader(before.splitlines()))
    assert lines[:2] == [["id", "id", "t"], ["0", "0", "2025-01-01 00:00:00"]]
    assert lines[8] == ["7", "7", ""]
    assert len(lines) == 2001
    with pytest.raises(WorkspaceError):
        sql("SELECT 1 / (id - 1999) FROM range(2000)", file)
    assert file.read_text() == before
    assert list(tmp_path.iterdir()) == [file]
