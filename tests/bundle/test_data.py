"""What the pipelines make of difficult data: each rule, with data that provokes it.

One job makes gold tables, features and models, a second scores, a third scores again; all with this
bundle's notebooks, on tables of their own. The tests look at what these jobs leave.
"""

import re
import shutil
from pathlib import Path
from textwrap import dedent

import pytest
from local_workspace.jobs import JobRun

MIN_ROWS = 50
LABELS = {"regression": "amount", "classification": "answer", "anomaly": None}  # which a type learns
UNLABELLED = {"amount": {11, 12, 21, 190, 191}, "zero_five": {11, 12, 190}, "is_true": {11}, "answer": {11}}

GOLD = """
# Databricks notebook source
schema = dbutils.widgets.get("gold_schema")
spark.sql(f"CREATE SCHEMA {schema}")
spark.sql(f"CREATE SCHEMA {dbutils.widgets.get('feature_schema')}")
spark.sql(f'''CREATE TABLE {schema}.messy AS
    SELECT IF(id > 200, NULL, id) AS messy_id,
        IF(id = 14, NULL, TIMESTAMP '2025-01-01' + INTERVAL '1' HOUR * id) AS observed_at,
        CASE id WHEN 1 THEN double('NaN') WHEN 2 THEN double('Infinity') WHEN 3 THEN double('-Infinity')
            WHEN 4 THEN NULL ELSE id / 2D END AS reading,
        IF(id = 5, NULL, CAST(id % 10 AS INT)) AS level,
        IF(id = 6, NULL, CAST(id * 1.25 AS DECIMAL(10, 2))) AS price,
        IF(id = 7, NULL, id % 2 = 0) AS is_new,
        'words' AS note,
        CASE WHEN id = 11 THEN NULL WHEN id IN (12, 190) THEN double('NaN')
            WHEN id IN (21, 191) THEN double('Infinity') ELSE 3D * (id % 10) + id % 3 END AS amount,
        CASE WHEN id = 11 THEN NULL WHEN id IN (12, 190) THEN double('NaN')
            WHEN id % 10 > 4 THEN 5D ELSE 0D END AS zero_five,
        IF(id = 11, NULL, id % 10 > 4) AS is_true,
        IF(id = 11, NULL, IF(id % 10 > 4, IF(id % 20 > 9, 'Yes', ' YES '), 'no')) AS answer,
        0 AS never,
        IF(id > 30, NULL, id % 2) AS rare
    FROM range(1, 203)''')
spark.sql(f'''CREATE TABLE {schema}.seen_rows AS
    SELECT id AS seen_id, id % 10 AS level, id % 7 AS price, 2D * (id % 10) AS amount, id % 10 > 4 AS answer
    FROM range(1, 151)''')
spark.sql(f"CREATE VIEW {schema}.seen AS SELECT * FROM {schema}.seen_rows")
spark.sql(f"CREATE VIEW {schema}.twice AS SELECT id % 99 + 1 AS twice_id, id AS level FROM range(0, 100)")
"""

CHANGE_SEEN = """
# Databricks notebook source
schema = dbutils.widgets.get("gold_schema")
new_rows = "SELECT id + 150, id % 10, 0, 2D * (id % 10), id % 10 > 4 FROM range(1, 51)"
spark.sql(f"INSERT INTO {schema}.seen_rows {new_rows}")
spark.sql(f"CREATE OR REPLACE VIEW {schema}.seen AS SELECT * EXCEPT (price) FROM {schema}.seen_rows")
"""

DROP_SEEN_FEATURES = """
# Databricks notebook source
spark.sql(f"DROP TABLE {dbutils.widgets.get('feature_schema')}.seen_features")
"""

ADD_MESSY = """
# Databricks notebook source
messy = f"{dbutils.widgets.get('gold_schema')}.messy"
new_id = dbutils.widgets.get("messy_id")
new_row = f"SELECT * EXCEPT (messy_id), {new_id} AS messy_id FROM {messy} WHERE messy_id = 8"
spark.sql(f"INSERT INTO {messy} BY NAME {new_row}")
"""


class Rules:
    """Runs this bundle's notebooks on tables of their own."""

    def __init__(self, local_bundle, models: dict):
        self.bundle = local_bundle
        self.catalog = local_bundle.gold.split(".")[0]
        self.gold, self.features = f"{self.catalog}.rules_gold", f"{self.catalog}.rules_ml"
        self.notebooks = {model["model_type"]: local_bundle.root / model["path"] for model in models.values()}
        self.any_type = next(model_type for model_type in LABELS if model_type in self.notebooks)
        self.any_label = LABELS[self.any_type]
        self.any_model = self.any_label or "messy"
        self.folder = local_bundle.root / "rules"
        self.folder.mkdir()

    def run(self, job: str, *tasks: dict) -> JobRun:
        values = {"catalog": self.catalog, "gold_schema": "rules_gold", "feature_schema": "rules_ml"}
        values["project"] = "rules"
        parameters = [{"name": name, "default": value} for name, value in values.items()]
        self.bundle.bundle.jobs[job] = {"tasks": list(tasks), "parameters": parameters}
        self.bundle.bundle.files[job] = self.bundle.root / "databricks.yml"
        return self.bundle.run(job)

    def ask(self, body: str):
        """The value that a notebook's `body` returns; it knows `gold` and `features`, the schemas."""
        return self.bundle.ask(f"gold, features = {self.gold!r}, {self.features!r}\n{dedent(body)}")

    def task(self, key: str, notebook: Path | str, after: str = "", **parameters: str) -> dict:
        """A task with a notebook's path, or the pattern of one in this bundle."""
        path = notebook if isinstance(notebook, Path) else next(self.bundle.root.glob(notebook))
        return {
            "task_key": key,
            "depends_on": [{"task_key": earlier} for earlier in after.split()],
            "run_if": "ALL_DONE",
            "notebook_task": {"notebook_path": str(path), "base_parameters": parameters},
        }

    def own(self, key: str, code: str, after: str = "", **parameters: str) -> dict:
        """A task with a notebook of these tests."""
        path = self.folder / f"{key}.py"
        path.write_text(code.lstrip())
        return self.task(key, path, after, **parameters)

    def make_features(self, key: str, domain: str, labels: str, after: str) -> dict:
        notebook = "src/*/features/create_feature_tables.py"
        return self.task(key, notebook, after, domain=domain, labels=labels)

    def train(self, key: str, model: str, a_type: str, domain: str, label: str | None, after: str) -> dict:
        """A type's training notebook, with another label of another domain."""
        code = self.notebooks[a_type].read_text()
        constants = {"DOMAIN": domain, "KEY": f"{domain}_id", "LABEL": label, "MIN_ROWS": MIN_ROWS}
        for name, value in constants.items():
            code, count = re.subn(f"^{name} = .*$", f"{name} = {value!r}", code, flags=re.MULTILINE)
            assert count == 1, f"{self.notebooks[a_type]} has {count} lines {name} = ..."
        return self.own(key, code, after, model_name=model)

    def score(self, key: str, model: str, domain: str, after: str = "") -> dict:
        return self.task(key, "src/*/inference/score_model.py", after, model_name=model, domain=domain)


def status(run: JobRun, key: str) -> str:
    return next(task.status for task in run.tasks if task.key == key)


def log(run: JobRun, key: str) -> str:
    return next(task.log for task in run.tasks if task.key == key).read_text()


@pytest.fixture(scope="module")
def rules(local_bundle, models) -> Rules:
    return Rules(local_bundle, models)


@pytest.fixture(scope="module")
def trained(rules) -> JobRun:
    """Features and models; those of `seen` twice, with new rows and a feature less the second time."""
    make, train, a_type, a_label = rules.make_features, rules.train, rules.any_type, rules.any_label
    tasks = [
        rules.own("gold", GOLD),
        make("features_messy", "messy", "amount,zero_five,is_true,answer,never,rare", "gold"),
        make("features_seen", "seen", "amount,answer", "gold"),
        make("features_twice", "twice", "", "gold"),
        make("features_unlabelled", "messy", "not_there", "gold"),
        train("train_seen", "seen", a_type, "seen", a_label, "features_seen"),
        make("features_seen_new_label", "seen", "amount,answer,price", "train_seen"),
        rules.own("change_seen", CHANGE_SEEN, "features_seen_new_label"),
        make("features_seen_changed", "seen", "amount,answer", "change_seen"),
        rules.own("drop_seen_features", DROP_SEEN_FEATURES, "features_seen_changed"),
        make("features_seen_again", "seen", "amount,answer", "drop_seen_features"),
        train("train_seen_again", "seen", a_type, "seen", a_label, "features_seen_again"),
    ]
    if a_label is None:
        tasks.append(train("train_messy", "messy", a_type, "messy", None, "features_messy"))
    else:
        labels = {"rare": a_type, "not_there": a_type}
        labels |= {LABELS[model_type]: model_type for model_type in rules.notebooks if LABELS[model_type]}
        labels |= {"never": "classification"} if "classification" in rules.notebooks else {}
        for label, model_type in labels.items():
            tasks.append(train(f"train_{label}", label, model_type, "messy", label, "features_messy"))
    return rules.run("rules_train", *tasks)


@pytest.fixture(scope="module")
def features(rules, trained) -> dict:
    return rules.ask("""
        table = spark.table(f"{features}.messy_features")
        return dict(types=dict(table.dtypes), rows={row.messy_id: row.asDict() for row in table.collect()})
    """)


@pytest.fixture(scope="module")
def facts(rules, trained) -> dict[str, dict]:
    """What each model's runs, the oldest first, and its registered versions say."""
    keys = [task.key.removeprefix("train_") for task in trained.tasks if task.key.startswith("train_")]
    models = {key: "seen" if key == "seen" else "messy" for key in keys if key != "seen_again"}
    return rules.ask(f"""
        client, facts = mlflow.MlflowClient(), {{}}
        registered = [model.name for model in client.search_registered_models()]
        for model, domain in {models}.items():
            name, table = f"{{features}}.{{model}}", spark.table(f"{{gold}}.{{domain}}")
            experiment = client.get_experiment_by_name(f"/Shared/rules_ml_{{model}}")
            runs = client.search_runs([experiment.experiment_id], order_by=["start_time"])
            held_out = [table.where(run.data.params.get("holdout", "false")).collect() for run in runs]
            facts[model] = dict(
                aliases=client.get_registered_model(name).aliases if name in registered else None,
                params=[run.data.params for run in runs],
                tags=[run.data.tags for run in runs],
                inputs=[[json.loads(i.dataset.source) for i in run.inputs.dataset_inputs] for run in runs],
                held_out=[[row[f"{{domain}}_id"] for row in rows] for rows in held_out],
            )
            if name in registered:
                raw_model = mlflow.pyfunc.load_model(f"models:/{{name}}/1/data/feature_store/raw_model")
                facts[model]["features"] = list(raw_model.get_raw_model().feature_names_in_)
        return facts
    """)


@pytest.fixture(scope="module")
def read(rules, trained) -> dict[str, dict]:
    """Each label of the messy table as the training notebook of a type reads it, by key."""
    labels = {"regression": ["amount"], "classification": ["zero_five", "is_true", "answer"]}
    notebooks = {
        str(rules.notebooks[a_type]): labels[a_type] for a_type in labels if a_type in rules.notebooks
    }
    return rules.ask(f"""
        read = {{}}
        gold_table = spark.table(f"{{gold}}.messy").where("messy_id IS NOT NULL")
        for path, labels in {notebooks}.items():
            definitions, calls = open(path).read().split("status = main()")
            names = {{"spark": spark, "dbutils": dbutils}}
            exec(definitions + "pass" + calls.split("# COMMAND")[0], names)
            for label in labels:
                names |= {{"KEY": "messy_id", "LABEL": label}}
                read[label] = {{row.messy_id: row[label] for row in names["read_rows"](gold_table).collect()}}
        return read
    """)


@pytest.fixture(scope="module")
def scored(rules, trained) -> JobRun:
    """A key is new since the features were made; one champion has lost its files, one model has none."""
    shutil.rmtree(rules.bundle.state / "models" / rules.features.replace(".", "/") / "seen" / "2")
    keys = ["score_any", "score_seen", "score_never_trained"]
    pipeline_status = rules.task(
        "pipeline_status",
        "src/*/pipeline_status.py",
        " ".join(keys),
        run_id="{{job.run_id}}",
        results="\n".join(f"{key}: {{{{tasks.{key}.result_state}}}}" for key in keys),
    )
    return rules.run(
        "rules_score",
        rules.own("add_key", ADD_MESSY, messy_id="1000"),
        rules.score("score_any", rules.any_model, "messy", "add_key"),
        rules.score("score_seen", "seen", "seen", "add_key"),
        rules.score("score_never_trained", "never_trained", "messy", "add_key"),
        pipeline_status,
    )


def predictions(rules) -> list[list]:
    table = f"{rules.features}.{rules.any_model}_predictions"
    return rules.ask(f"return sorted(list(row) for row in spark.table('{table}').collect())")


@pytest.fixture(scope="module")
def once(rules, scored) -> list[list]:
    return predictions(rules)


@pytest.fixture(scope="module")
def scored_again(rules, once) -> JobRun:
    """The same once more, then with a key that has come twice."""
    return rules.run(
        "rules_score_again",
        rules.score("score_again", rules.any_model, "messy"),
        rules.own("add_key_twice", ADD_MESSY, "score_again", messy_id="8"),
        rules.score("score_twice", rules.any_model, "messy", "add_key_twice"),
    )


# Feature tables


def test_nan_infinities_and_null_are_cleaned(features):
    rows = features["rows"]
    assert [rows[key]["reading"] for key in "12348"] == [0.0, 0.0, 0.0, 0.0, 4.0]
    assert [rows["5"]["level"], rows["6"]["price"], rows["7"]["is_new"]] == [0.0, 0.0, 0.0]
    assert all(abs(value) < float("inf") for row in rows.values() for value in row.values())


def test_integers_decimals_and_booleans_become_doubles(features):
    types = {name: kind for name, kind in features["types"].items() if name != "messy_id"}
    assert types == {"reading": "double", "level": "double", "price": "double", "is_new": "double"}
    assert [features["rows"]["8"][name] for name in types] == [4.0, 8.0, 10.0, 1.0]


def test_labels_times_and_texts_are_no_features(rules, features, facts):
    assert set(features["types"]) == {"messy_id", "reading", "level", "price", "is_new"}
    assert set(facts[rules.any_model]["features"]) == {"reading", "level", "price", "is_new"}


def test_rows_without_key_are_left_out_and_counted(features, trained):
    assert set(features["rows"]) == {str(key) for key in range(1, 201)}
    assert "2 rows without messy_id left out" in log(trained, "features_messy")


def test_a_key_that_occurs_twice_is_named(trained):
    assert "twice_id 1 occurs more than once" in status(trained, "features_twice")
    assert status(trained, "features_twice").startswith("FAILED: ")


def test_a_label_that_gold_lacks_is_named(trained, rules):
    assert re.match("FAILED: .* has no column not_there", status(trained, "features_unlabelled"))
    if rules.any_label is not None:
        assert re.match("FAILED: .* has no column not_there", status(trained, "train_not_there"))


@pytest.mark.parametrize("key", ["features_seen_new_label", "features_seen_changed"])
def test_what_was_a_feature_once_is_named(trained, key):
    """It is a label by now, or gone from the gold table."""
    assert re.match("FAILED: .*seen_features has price, .* drop the feature table", status(trained, key))


# Training


@pytest.mark.parametrize("label", ["zero_five", "is_true", "answer"])
def test_labels_become_binary_and_rows_without_one_are_left_out(read, label):
    if label not in read:
        pytest.skip("this bundle has no classification")
    known = set(range(1, 201)) - UNLABELLED[label]
    assert read[label] == {str(key): float(key % 10 > 4) for key in known}


def test_numbers_stay_and_rows_without_one_are_left_out(read):
    if "amount" not in read:
        pytest.skip("this bundle has no regression")
    known = set(range(1, 201)) - UNLABELLED["amount"]
    assert read["amount"] == {str(key): 3.0 * (key % 10) + key % 3 for key in known}


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("rare", r"23 rows to learn from, 6 held out; 50 and 1 needed"),
        ("never", r"the rows to learn from have a single class, 0, in label never"),
    ],
)
def test_too_little_to_learn_from_is_skipped_and_leaves_nothing(trained, facts, label, reason):
    if label not in facts:
        pytest.skip("this bundle has no such model")
    assert status(trained, f"train_{label}") == f"SKIPPED: {reason}"
    assert (facts[label]["params"], facts[label]["aliases"]) == ([], None)


def test_no_row_held_out_is_older_than_one_learnt_from(rules, facts):
    known = set(range(1, 201)) - {14} - UNLABELLED.get(rules.any_label, set())
    held_out = known & set(facts[rules.any_model]["held_out"][0])
    params = facts[rules.any_model]["params"][0]
    assert min(held_out) > max(known - held_out)  # from one key to the next an hour passes
    assert int(params["rows_train"]) == len(known - held_out)
    assert int(params["rows_holdout"]) == len(held_out)
    assert 0.15 < len(held_out) / len(known) < 0.25


def test_without_time_the_same_keys_are_held_out_when_rows_are_added(facts):
    """150 rows, then 200; each run's rule, asked of all of them."""
    first, second = (set(keys) for keys in facts["seen"]["held_out"])
    rows = [(int(run["rows_train"]), int(run["rows_holdout"])) for run in facts["seen"]["params"]]
    of_150 = len(first & set(range(1, 151)))
    assert first == second
    assert rows == [(150 - of_150, of_150), (200 - len(second), len(second))]
    assert 0.1 < len(second) / 200 < 0.3


def test_a_view_is_logged_without_version_and_tagged_so(rules, facts):
    view, features = sorted(facts["seen"]["inputs"][0], key=lambda source: "delta_table_name" in source)
    assert view == {"table_name": f"{rules.gold}.seen"}
    assert features["delta_table_name"] == f"{rules.features}.seen_features"
    assert "no_delta_version.seen" in facts["seen"]["tags"][0]
    assert not [tag for tag in facts[rules.any_model]["tags"][0] if tag.startswith("no_delta_version")]


def test_a_champion_whose_features_are_gone_is_replaced(facts):
    assert facts["seen"]["aliases"] == {"champion": "2"}
    assert facts["seen"]["tags"][1]["promotion_reason"] == "version 1 needs price, features no longer"


# Scoring


def test_keys_without_features_are_left_out_and_counted(scored, once):
    assert [row[0] for row in once] == list(range(1, 201))
    assert "200 keys to score, 1 without features, 2 without key" in log(scored, "score_any")


def test_a_model_that_cannot_score_stops_no_other_and_fails_the_run(scored):
    last = status(scored, "pipeline_status")
    assert status(scored, "score_any") == "SUCCESS"
    assert status(scored, "score_never_trained") == "SKIPPED: no champion yet"
    assert status(scored, "score_seen").startswith("FAILED: ")
    assert scored.failed
    assert last.startswith("FAILED: ") and "1 of 3 tasks failed. score_seen: FAILED: " in last


def test_scoring_twice_is_scoring_once(rules, once, scored_again):
    again = predictions(rules)
    assert status(scored_again, "score_again") == "SUCCESS"
    assert [row[:3] for row in again] == [row[:3] for row in once]
    assert min(row[3] for row in again) > max(row[3] for row in once)


def test_a_key_that_has_come_twice_is_named_when_scoring(scored_again):
    assert "messy_id 8 occurs more than once" in status(scored_again, "score_twice")
    assert status(scored_again, "score_twice").startswith("FAILED: ")
