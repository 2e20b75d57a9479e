"""A person's own files: what becomes of them as a gold table, and the whole path on it."""

import contextlib
import csv
import gzip
import json
import os
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from local_workspace.bundle.bundle import Bundle
from local_workspace.errors import WorkspaceError
from local_workspace.jobs.outcomes import TaskRun
from local_workspace.jobs.report import Report
from local_workspace.jobs.runs import Jobs
from local_workspace.own_tables import import_table, imported
from local_workspace.own_tables.domains import Domain
from local_workspace.own_tables.sample_query import select
from own_tables import OwnTables, status
from terminal import Terminal

COUNT = 600
FEATURES = {"channel", "visits", "member", "code", "hour"}
PARTS = {"signed_up_month", "signed_up_weekday", "signed_up_days"}
LEFT_OUT = {
    "comment": r"about \d+ different texts",
    "signed_up": "date",
    "observed_at": "in NOT_FEATURES",
}


def rows() -> list[dict]:
    """Deals as a person's system writes them: codes with zeros, quotes and new lines, empty fields."""
    return [
        {
            "deal_id": f"{n:05}",
            "observed_at": f"2025-01-{1 + n // 24:02} {n % 24:02}:00:00",
            "channel": ["shop", "web", ""][n % 3],
            "visits": n % 7,
            "member": ["true", "false"][n % 2],
            "code": ["007", "120"][n % 2],
            "hour": f"{n % 24:02}:30",
            "signed_up": f"2024-02-{1 + n % 28:02}",
            "comment": f'said "{n}",\nthen left',
            "amount": 10 * (n % 7) + n % 2,
        }
        for n in range(1, COUNT + 1)
    ]


def write_csv(path: Path, records: list[dict], **options: str) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(records[0]), **options)
        writer.writeheader()
        writer.writerows(records)
    return path


@pytest.fixture(scope="module")
def own(local_bundle, models):
    """Domains `deal` and `plain` in a job of their own, which a file of the bundle declares."""
    tables = OwnTables(local_bundle, "own")
    regression = next(
        m["path"] for m in models.values() if m["model_type"] == "regression" and not m["history"]
    )
    constants = {"DOMAIN": "deal", "KEY": "deal_id", "LABEL": "amount"}
    sample = "src/*/create_sample_data.py"
    tasks = [
        tables.task("sample_deal", sample, domain="deal", labels="amount:regression"),
        tables.make_features("features_deal", "deal", "amount:regression", "sample_deal"),
        tables.train("train_deal", "deal_amount", regression, "features_deal", **constants),
        tables.score("score_deal", "deal_amount", "deal", "train_deal"),
        tables.make_features("features_plain", "plain", ""),
    ]
    values = {
        "catalog": tables.catalog,
        "project": "own",
        "gold_schema": "own_gold",
        "feature_schema": "own_ml",
    }
    parameters = [{"name": name, "default": value} for name, value in values.items()]
    jobs = {"own": {"tasks": tasks, "parameters": parameters}}
    (local_bundle.root / "resources/ml/own.yml").write_text(yaml.safe_dump({"resources": {"jobs": jobs}}))
    return tables


@pytest.fixture
def run_import(own, local_bundle, monkeypatch, capsys):
    """Imports files in the running workspace, without features if only the gold table is looked at.

    It gives the exit code and what was printed.
    """
    monkeypatch.setattr(import_table, "open_workspace", lambda root: contextlib.nullcontext(local_bundle))

    def run_import(
        domain: str, *files: Path, replace: bool = False, features: bool = True
    ) -> tuple[int, str]:
        with monkeypatch.context() as patch:
            if not features:
                made = TaskRun(f"features_{domain}", "success", "SUCCESS")
                patch.setattr(import_table, "_make_features", lambda *_: made)
                patch.setattr(import_table, "_columns", lambda *_: {})
            code = import_table.import_table(local_bundle.root, domain, list(files), replace)
        return code, capsys.readouterr().out

    return run_import


def test_what_is_said_of_a_file_is_what_the_feature_table_becomes(run_import, own, tmp_path):
    code, said = run_import("deal", write_csv(tmp_path / "deals.csv", rows()))
    assert code == 0
    assert f"{own.gold}.deal has {COUNT} rows" in said
    assert "\n  read as CSV; separator: comma; encoding: UTF-8\n" in said
    table = said.partition("\nfeatures_deal, run on it, says:")[0]
    roles = {line.split()[0]: line.split(maxsplit=2)[2] for line in table.splitlines()[2:]}
    assert {name for name, role in roles.items() if role == "feature"} == FEATURES
    assert roles["signed_up"] == "features: its month, weekday and alike"
    assert roles["deal_id"] == "key, unique"
    assert roles["amount"] == "label"
    table = own.ask("return spark.table(f'{features}.deal_features').columns")
    assert set(table) == FEATURES | PARTS | {"deal_id"}
    for name, why in LEFT_OUT.items():
        assert re.search(rf"left out: .*{name} \({why}\)", said)


def test_an_imported_table_goes_from_file_to_predictions_and_the_sample_leaves_it_alone(
    run_import, own, local_bundle, tmp_path
):
    file = write_csv(tmp_path / "deals.csv", rows())
    run_import("deal", file, replace=True, features=False)
    own.ask("""spark.sql(f"ALTER TABLE {gold}.deal SET TBLPROPERTIES ('sample_data' = 'made')"); return 1""")
    run_import("deal", file, replace=True, features=False)
    with open(tmp_path / "report.txt", "w") as stream:
        run = Jobs(Bundle(local_bundle.root, "dev"), local_bundle, Report(stream)).run("own")
    assert status(run, "sample_deal") == f"SKIPPED: {own.gold}.deal is no sample, so it is left as it is"
    assert status(run, "score_deal") == "SUCCESS"
    ((predictions, found),) = own.ask("""
        return [list(row) for row in spark.sql(f'''
            SELECT count(prediction), corr(prediction, amount)
            FROM {features}.deal_amount_predictions JOIN {gold}.deal USING (deal_id)''').collect()]
    """)
    assert predictions == COUNT
    assert found > 0.9
    run_import("deal", file, replace=True)
    made = own.ask("return [row.tableName for row in spark.sql(f'SHOW TABLES IN {features}').collect()]")
    assert "deal_features" in made
    assert "deal_amount_predictions" not in made


def test_a_sample_has_whole_histories_and_what_is_hashed_cannot_be_read(own):
    domain = Domain("visit", "", "", Path(), f"{own.gold}.visit", "", ["visit_id", "observed_at"], [], [])
    statement, parameters = select(domain, ["visit_id", "name"], ["name"], 0.25)
    visits = own.ask(f"""
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {{gold}}")
        spark.sql(f"CREATE OR REPLACE TABLE {{gold}}.visit AS SELECT concat('n', id % 1000) AS name, "
                  "IF(id < 8, NULL, id % 1000) AS visit_id FROM range(8000)")
        rows = spark.sql({statement!r}, {parameters!r}).groupBy("visit_id", "name").count()
        return [list(row) for row in rows.collect()]
    """)
    assert 200 < len(visits) < 300
    assert {count for _, _, count in visits} <= {7, 8}
    assert len({visit for visit, _, _ in visits}) == len({name for _, name, _ in visits}) == len(visits)
    assert all(re.fullmatch("[0-9a-f]{64}", name) for _, name, _ in visits)


KINDS = {  # how a table comes: writes the rows, which files it then has
    "semicolons": lambda folder: [write_csv(folder / "a[1] b.csv", rows(), delimiter=";")],
    "a hidden name": lambda folder: [write_csv(folder / "_a.csv", rows())],
    "tabs": lambda folder: [write_csv(folder / "a.tsv", rows(), delimiter="\t")],
    "a byte order mark": lambda folder: [bom(write_csv(folder / "a.csv", rows()))],
    "gzip": lambda folder: [pack(write_csv(folder / "a.csv", rows()), "a.csv.gz")],
    "Excel's, packed": lambda folder: [excel(write_csv(folder / "a.csv", rows(), delimiter=";"))],
    "two files": lambda folder: [
        write_csv(folder / "a.csv", rows()[: COUNT // 2]),
        write_csv(folder / "b.csv", rows()[COUNT // 2 :]),
    ],
    "JSON lines": lambda folder: [write_json(folder / "a.jsonl")],
    "JSON, printed prettily": lambda folder: [write_pretty(folder / "a.json")],
    "Parquet in a folder": lambda folder: [write_parquet(folder / "day=2025-01-01" / "a.parquet").parent],
    "Parquet of pandas": lambda folder: [write_parquet(folder / "a.parquet")],
}


def bom(path: Path) -> Path:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return path


def pack(path: Path, name: str) -> Path:
    path.with_name(name).write_bytes(gzip.compress(path.read_bytes()))
    return path.with_name(name)


def excel(path: Path) -> Path:
    """With Excel's own first line, and an index of pandas."""
    header, *lines = path.read_text().replace('",\nthen', '", then').splitlines()
    path.write_text("\n".join(["sep=;", f";{header}", *[f"{n};{line}" for n, line in enumerate(lines)]]))
    path.write_text(path.read_text().replace('", then', '",\nthen'))
    return pack(path, "A.CSV.GZ")


def typed() -> list[dict]:
    return [row | {"member": row["member"] == "true", "channel": row["channel"] or None} for row in rows()]


def write_json(path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in typed()))
    return path


def write_pretty(path: Path) -> Path:
    path.write_text(json.dumps(typed(), indent=1))
    return path


def write_parquet(path: Path) -> Path:
    """With times in nanoseconds and without a zone, as pandas has them."""
    table = pd.DataFrame(typed())
    table["observed_at"] = pd.to_datetime(table["observed_at"])
    table["nothing"] = None
    path.parent.mkdir(exist_ok=True)
    table.to_parquet(path)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file_becomes_the_same_table(run_import, own, tmp_path, kind):
    code, said = run_import("deal", *KINDS[kind](tmp_path), replace=True, features=False)
    assert code == 0, said
    found = own.ask("""
        return [list(row) for row in spark.sql(f'''
            SELECT deal_id, unix_seconds(observed_at), channel, visits, member, code, hour, comment, amount
            FROM {gold}.deal ORDER BY deal_id''').collect()]
    """)
    seconds = [pd.Timestamp(row["observed_at"], tz="UTC").timestamp() for row in rows()]
    names = ("channel", "visits", "member", "code", "hour", "comment", "amount")
    assert found == [
        [row["deal_id"], second, *[row[name] for name in names]]
        for row, second in zip(typed(), seconds, strict=True)
    ]


def test_a_delta_folder_is_imported(run_import, own, local_bundle, tmp_path):
    own.ask(f"""
        frame = spark.createDataFrame([(1, 2.5), (2, None)], "plain_id bigint, `a b` double")
        named = frame.write.format("delta").option("delta.columnMapping.mode", "name")
        return named.save({str(tmp_path / "delta")!r})
    """)
    code, said = run_import("plain", tmp_path / "delta")
    assert code == 1
    assert "no feature can be named 'a b'" in said


FAULTS = {  # what the jobs say of a table -> its rows
    "deal_id 1 occurs more than once": [{"deal_id": 1, "x": 2, "amount": 3}] * 2,
    "has no column deal_id": [{"id": 1, "x": 2, "amount": 3}],
    "has no column amount": [{"deal_id": 1, "x": 2}],
    "has no rows with deal_id": [{"deal_id": "", "x": 2, "amount": 3}],
    "no column left to be a feature": [{"deal_id": 1, "amount": 3}],
}


@pytest.mark.parametrize("sentence", FAULTS)
def test_what_the_jobs_will_refuse_is_said_at_once(run_import, tmp_path, sentence):
    code, said = run_import("deal", write_csv(tmp_path / "a.csv", FAULTS[sentence]), replace=True)
    assert code == 1
    assert sentence in said.splitlines()[-1]
    assert "FAILED" in said.splitlines()[-1]


BROKEN = {  # what is wrong with a file -> its name, its text, what is said
    "a row is too short": ("a.csv", "deal_id,x,amount\n1,2,3\n4,5\n", "a.csv: the record '4,5' has not"),
    "a line is no JSON": ("a.json", '{"deal_id": 1}\n{"deal_id"\n', "a.json: the record"),
    "it is no Parquet": ("a.parquet", "PAR1 and more", "a.parquet is no Parquet file"),
    "a column occurs twice": ("a.json", '{"deal_id": 1, "DEAL_ID": 2}', "deal_id"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_refused_and_the_table_stays(run_import, own, tmp_path, what):
    if what == next(iter(BROKEN)):
        run_import("deal", write_csv(tmp_path / "good.csv", rows()), replace=True, features=False)
    name, text, sentence = BROKEN[what]
    (tmp_path / name).write_text(text)
    with pytest.raises(WorkspaceError, match=sentence) as refused:
        run_import("deal", tmp_path / name, replace=True)
    assert len(str(refused.value).splitlines()) == 1
    assert own.ask("return spark.table(f'{gold}.deal').count()") == COUNT


def test_a_table_that_exists_is_kept_and_it_is_known_what_was_imported(
    run_import, own, local_bundle, tmp_path
):
    file = write_csv(tmp_path / "deals.csv", rows())
    run_import("deal", file, replace=True, features=False)
    with pytest.raises(WorkspaceError, match=r"own_gold\.deal exists already; replace it by --replace"):
        run_import("deal", file)
    assert imported.recall(local_bundle.state)[f"{own.gold}.deal"] == [str(file)]


def test_a_notebook_pasted_into_the_shell_works(run_import, own, local_bundle, tmp_path):
    run_import("deal", write_csv(tmp_path / "deals.csv", rows()), replace=True, features=False)
    parameters = {"domain": "deal", "labels": "amount:regression", "catalog": own.catalog}
    parameters |= {"gold_schema": "own_gold", "feature_schema": "own_ml"}
    environment, spark_url = local_bundle.connection()
    code = f"from local_workspace.commands.shell import talk; talk(Path({str(local_bundle.state)!r}), "
    code = f"from pathlib import Path; {code}{spark_url!r}, {parameters!r}, list)"
    (notebook,) = local_bundle.root.glob("src/*/features/create_feature_tables.py")
    with Terminal([sys.executable, "-c", code], environment | {"TERM": "xterm"}, local_bundle.root) as shell:
        shell.wait_for("In [")
        shell.paste(notebook.read_text())
        assert "NotebookExit: SUCCESS" in shell.wait_for("NotebookExit: ")
        shell.paste('display(f"{spark.table(feature_table).count()} {mlflow.get_registry_uri()}")')
        shell.wait_for(f"{COUNT} databricks-uc")
        shell.paste("exit")
        assert os.waitpid(shell.pid, 0)[1] == 0
