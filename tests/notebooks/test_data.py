"""What the pipelines make of difficult data: each rule, with data that provokes it.

One job makes gold tables, features and models, a second scores, a third scores again; all with this
bundle's notebooks, on tables of their own. The tests look at what these jobs leave.
"""

import re
import shutil

import pytest
from local_workspace.jobs.runs import JobRun
from own_tables import OwnTables, log, status

LABELS = {
    "regression": "amount",
    "classification": "answer",
    "multiclass": "zero_five",
    "anomaly": None,
}  # which a type learns
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
        IF(id = 9, NULL, IF(id % 3 = 0, 'new', 'old')) AS state,
        DATE '2025-01-01' AS day,
        TIMESTAMP_NTZ '2025-01-01 13:30:00' AS local_time,
        array(id) AS list,
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


PARTS = {"day_month": 1, "day_weekday": 2, "day_days": 20089}  # of 2025-01-01, a Wednesday
PARTS |= {"local_time_month": 1, "local_time_weekday": 2, "local_time_hour": 13, "local_time_days": 20089}


class Rules(OwnTables):
    """Which of this bundle's notebooks trains which type; one of them stands for any."""

    def __init__(self, local_bundle, models: dict):
        super().__init__(local_bundle, "rules")
        plain = [model for model in models.values() if not model["history"]]
        self.notebooks = {model["model_type"]: model["path"] for model in plain}
        self.any_type = next(model_type for model_type in LABELS if model_type in self.notebooks)
        self.any_label = LABELS[self.any_type]
        self.any_model = self.any_label or "messy"

    def train_type(self, key: str, model: str, a_type: str, domain: str, label: str | None, after: str):
        """A type's training notebook, with another label of another domain."""
        constants = {"DOMAIN": domain, "KEY": f"{domain}_id", "LABEL": label}
        return self.train(key, model, self.notebooks[a_type], after, **constants)


@pytest.fixture(scope="module")
def rules(local_bundle, models) -> Rules:
    return Rules(local_bundle, models)


@pytest.fixture(scope="module")
def trained(rules) -> JobRun:
    """Features and models; those of `seen` twice, with new rows and a feature less the second time."""
    make, train, a_type, a_label = rules.make_features, rules.train_type, rules.any_type, rules.any_label
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
            versions = mlflow.search_model_versions(filter_string=f"name='{{name}}'")
            versions = [client.get_model_version(name, version.version) for version in versions]
            aliases = {{alias: version.version for version in versions for alias in version.aliases}}
            facts[model] = dict(
                aliases=aliases if name in registered else None,
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
        str(rules.bundle.root / rules.notebooks[a_type]): labels[a_type]
        for a_type in labels
        if a_type in rules.notebooks
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
                rows, _ = names["read_rows"](gold_table)
                read[label] = {{row.messy_id: row[label] for row in rows.collect()}}
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


def test_what_is_missing_stays_missing_as_do_nan_and_infinities(features):
    rows = features["rows"]
    assert [rows[key]["reading"] for key in "12348"] == [None, None, None, None, 4.0]
    empty = [("5", "level"), ("6", "price"), ("7", "is_new"), ("9", "state")]
    assert [rows[key][name] for key, name in empty] == [None] * 4


def test_numbers_and_booleans_become_doubles_and_text_stays_text(rules, features, facts):
    types = {name: kind for name, kind in features["types"].items() if name != "messy_id"}
    assert types == dict.fromkeys(["reading", "level", "price", "is_new", *PARTS], "double") | {
        "state": "string"
    }
    found = features["rows"]["8"]
    assert [found[name] for name in ("reading", "level", "price", "is_new", "state")] == [
        4.0,
        8.0,
        10.0,
        1.0,
        "old",
    ]
    assert set(facts[rules.any_model]["features"]) == set(types)


def test_dates_and_times_become_numbers_that_a_tree_can_split(features):
    assert {name: features["rows"]["8"][name] for name in PARTS} == PARTS


def test_what_is_left_out_is_said_with_the_reason(trained):
    said = "left out: observed_at (in NOT_FEATURES), day (date), local_time (timestamp_ntz), "
    assert f"{said}list (array<bigint>)\n" in log(trained, "features_messy")


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
    known = set(range(1, 201)) - {14} - UNLABELLED[label]  # 14 has no time
    assert read[label] == {str(key): float(key % 10 > 4) for key in known}


def test_numbers_stay_and_rows_without_one_are_left_out(read):
    if "amount" not in read:
        pytest.skip("this bundle has no regression")
    known = set(range(1, 201)) - {14} - UNLABELLED["amount"]
    assert read["amount"] == {str(key): 3.0 * (key % 10) + key % 3 for key in known}


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (
            "rare",
            "spark_catalog.rules_gold.messy: 23 rows with rare to learn from, 6 held out; 50 and 1 needed",
        ),
        ("never", "the rows to learn from have a single class in label never, or fewer than 3 of one"),
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
    reason = facts["seen"]["tags"][1]["promotion_reason"]
    assert reason.endswith("champion 1, which cannot predict these rows: \"['price'] not in index\"")


# Scoring


def test_keys_without_features_are_left_out_and_counted(scored, once):
    assert [row[0] for row in once] == list(range(1, 201))
    assert "200 keys to score, 1 without features, 2 without key" in log(scored, "score_any")


def test_a_model_that_cannot_score_stops_no_other_and_fails_the_run(scored):
    last = status(scored, "pipeline_status")
    assert status(scored, "score_any") == "SUCCESS"
    assert status(scored, "score_never_trained") == "SKIPPED: no champion yet: no version was trained"
    assert status(scored, "score_seen").startswith("FAILED: ")
    assert scored.failed
    assert last.startswith("FAILED: ") and "1 of 3 tasks failed. score_seen: FAILED: " in last


def test_scoring_twice_is_scoring_once(rules, once, scored_again):
    assert status(scored_again, "score_again") == "SUCCESS"
    assert predictions(rules) == once  # the time of each among them


def test_a_key_that_has_come_twice_is_named_when_scoring(scored_again):
    assert "messy_id 8 occurs more than once" in status(scored_again, "score_twice")
    assert status(scored_again, "score_twice").startswith("FAILED: ")
