"""What the commands on one's own data refuse before Spark starts, and a reset that asks."""

import os
import pty
import subprocess
import sys

import pytest
from local_workspace.bundle.table_names import to_local
from local_workspace.own_tables import imported
from local_workspace.workspace import state
from test_refused_runs import copy, run, write  # noqa: F401 - copy is a fixture

STATE = ".local_workspace"
CSV = "sales_id,revenue\n1,2\n"
REFUSED = {  # what is wrong -> how it came, the command, the sentence
    "no such domain": (
        lambda: write("a.csv", CSV),
        ["import", "x", "a.csv"],
        "domain: target dev has no 'x'; it has ",
    ),
    "no such file": (
        lambda: None,
        ["import", "sales", "a.csv"],
        "a.csv: there is no such file; correct the path",
    ),
    "an empty file": (
        lambda: write("a.csv", ""),
        ["import", "sales", "a.csv"],
        "a.csv is empty; write the table into",
    ),
    "a file of no table": (
        lambda: write("a.xlsx", "x"),
        ["import", "sales", "a.xlsx"],
        "a.xlsx: no table is read from such a file; give one of .csv, ",
    ),
    "a file in an encoding that is not known": (
        lambda: write("a.csv", "sales_id,größe\n1,Привет\n".encode("cp1251", "ignore")),
        ["import", "sales", "a.csv"],
        "a.csv is not UTF-8; save it as UTF-8",
    ),
    "a CSV file with a column twice": (
        lambda: write("a.csv", "sales_id,x,X\n1,2,3\n"),
        ["import", "sales", "a.csv"],
        "a.csv: the column X occurs twice; rename one, or remove it",
    ),
    "a folder without files of tables": (
        lambda: write("a/b.txt", "x"),
        ["import", "sales", "a"],
        "a: a folder without a table's files; name one with .csv, ",
    ),
    "files of two kinds": (
        lambda: (write("a.csv", CSV), write("b.json", "{}")),
        ["import", "sales", "a.csv", "b.json"],
        "b.json is of another kind than a.csv; import files of one kind",
    ),
    "two Delta folders": (
        lambda: (write("a/_delta_log/0.json", "{}"), write("b/_delta_log/0.json", "{}")),
        ["import", "sales", "a", "b"],
        "b: beside a Delta folder nothing is read; import one",
    ),
    "a table that exists": (
        lambda: (write("a.csv", CSV), write(f"{STATE}/warehouse/dev_local_gold.db/sales/x", "")),
        ["import", "sales", "a.csv"],
        "spark_catalog.dev_local_gold.sales exists already; replace it by --replace",
    ),
    "a CSV file that cannot be written": (
        lambda: None,
        ["sql", "SELECT 1", "--csv", "no/a.csv"],
        "--csv: no/a.csv cannot be written; name a file in a folder of yours",
    ),
    "no such task": (lambda: None, ["shell", "--task", "x"], "--task: there is no 'x'; there are features_"),
    "a sample in CI": (
        lambda: None,
        ["sample", "sales"],
        "sample: CI gets no sample of your tables; run this on your",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_command_is_refused_in_a_sentence(copy, what):  # noqa: F811
    come_about, arguments, sentence = REFUSED[what]
    come_about()
    done = run(*arguments, CI="true")
    assert done.returncode == 2, done.stdout
    (said,) = done.stderr.splitlines()
    assert said.startswith(sentence)


def import_something(folder):
    (folder / STATE).mkdir()
    imported.remember(folder / STATE, "spark_catalog.gold.sales", ["/home/me/sales.csv"])


def test_reset_without_a_terminal_wants_a_yes(copy):  # noqa: F811
    import_something(copy)
    done = run("reset")
    assert done.returncode == 2
    assert done.stderr == (
        "reset would remove what you imported, spark_catalog.gold.sales (from /home/me/sales.csv); "
        "agree by --yes\n"
    )
    assert imported.recall(copy / STATE)
    assert run("reset", "--yes").returncode == 0
    assert not (copy / STATE).exists()


@pytest.mark.parametrize("answer, code", [("y", 0), ("n", 1), ("", 1), ("\x04", 1)])
def test_reset_on_a_terminal_asks(copy, answer, code):  # noqa: F811
    import_something(copy)
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "local_workspace", "reset"], stdin=theirs, capture_output=True, text=True
    )
    os.close(ours), os.close(theirs)
    assert (
        "Remove all state, and with it spark_catalog.gold.sales (from /home/me/sales.csv)? [y/N]"
        in done.stdout
    )
    assert done.returncode == code, done.stderr
    assert (copy / STATE).exists() == bool(code)


def test_a_reset_of_what_runs_made_does_not_ask(copy):  # noqa: F811
    (copy / STATE).mkdir()
    assert run("reset").returncode == 0
    assert not (copy / state.NAME).exists()


NAMES = {  # a name of the README -> its name here; text and comments stay
    "SELECT * FROM dev.gold.sales": "SELECT * FROM spark_catalog.dev_local_gold.sales",
    "SELECT 1 FROM DEV.dev_local_ml.a": "SELECT 1 FROM spark_catalog.dev_local_ml.a",
    "SELECT * FROM `prod` . `gold`.`sales`": "SELECT * FROM spark_catalog.gold.`sales`",
    "SHOW TABLES IN staging.ml": "SHOW TABLES IN spark_catalog.ml",
    "SELECT 'dev.gold.sales', \"dev.gold\" -- dev.gold\n/* dev.gold */": None,
    "SELECT * FROM gold.sales, dev.golden.x, my_dev.gold.x, a.dev.gold": None,
}


@pytest.mark.parametrize("statement", NAMES)
def test_names_of_tables_are_those_of_the_readme(copy, statement):  # noqa: F811
    assert to_local(statement, copy) == (NAMES[statement] or statement)
