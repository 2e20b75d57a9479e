"""Tables as they are: text, missing values, types and names of all kinds, tables without versions.

Every notebook of the bundle that collects its rows learns from one table. Then come rows unlike any before,
and all are scored.
"""

import pytest
from own_tables import OwnTables, log, status

LABELS = {"regression": "amount", "classification": "answer", "multiclass": "quarter", "anomaly": None}

GOLD = """
# Databricks notebook source
schema = dbutils.widgets.get("gold_schema")
spark.sql(f"CREATE SCHEMA {schema}")
spark.sql(f"CREATE SCHEMA {dbutils.widgets.get('feature_schema')}")
spark.sql(f'''CREATE TABLE {schema}.real AS
    SELECT id AS real_id,
        IF(id % 50 = 0, NULL, element_at(array('a', 'b', 'c', 'd'), int(pmod(hash(id), 4)) + 1)) AS category,
        IF(id % 40 = 0, NULL, pmod(hash(id, 1), 100) / 10D) AS number,
        IF(id % 30 = 0, NULL, pmod(hash(id, 2), 2) = 0) AS flag,
        pmod(hash(id, 3), 7) AS `Größe`,
        IF(pmod(hash(id, 4), 9) = 0, 'yes', 'no') AS `select`,
        CAST(NULL AS STRING) AS no_text,
        CAST(NULL AS DOUBLE) AS no_number,
        concat('C-', id) AS code,
        IF(id % 9 = 0, NULL, concat(DATE '2024-01-01' + int(id % 700), ' 12:30')) AS seen,
        IF(id % 9 = 0, 'never', string(DATE '2024-01-01' + int(id % 4))) AS visited,
        100D * pmod(hash(id), 4) + pmod(hash(id, 1), 100) AS amount,
        pmod(hash(id), 4) > 1 AS answer,
        IF(pmod(hash(id, 5), 9) = 0, 'other', concat('Q ', int(pmod(hash(id), 4)))) AS quarter,
        id % 3 AS grade,
        IF(id % 3 = 0, 'Churned', 'stayed') AS state
    FROM range(1, 10001)''')
spark.sql(f"CREATE TABLE {schema}.plain USING parquet AS SELECT real_id AS plain_id, number, amount "
          f"FROM {schema}.real WHERE real_id < 1000")
spark.sql(f"CREATE TABLE {schema}.filtered AS SELECT plain_id AS filtered_id, number, amount "
          f"FROM {schema}.plain")
spark.sql(f"CREATE TABLE {schema}.changing AS SELECT real_id AS changing_id, number, category "
          f"FROM {schema}.real WHERE real_id < 10")
for n, name in enumerate(["a b", "a.b", "a;b"]):
    spark.sql(f"CREATE VIEW {schema}.named_{n} AS SELECT 1L AS named_{n}_id, 2D AS `{name}`")
"""

NEW_ROWS = """
# Databricks notebook source
schema = dbutils.widgets.get("gold_schema")
gone = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in
                 [("category", "STRING"), ("number", "DOUBLE"), ("flag", "BOOLEAN")])
for condition, changed in [
    ("real_id <= 100", "'never seen' AS category"), ("real_id BETWEEN 101 AND 2000", gone)
]:
    names = "real_id, category" if "never" in changed else "real_id, category, number, flag"
    spark.sql(f"INSERT INTO {schema}.real BY NAME SELECT * EXCEPT ({names}), {changed}, "
              f"real_id + 10000 AS real_id FROM {schema}.real WHERE {condition}")
"""

CHANGE_TYPE = """
# Databricks notebook source
table = f"{dbutils.widgets.get('gold_schema')}.changing"
changed = {
    "text": "SELECT * EXCEPT (number), string(number) AS number",
    "more": "SELECT *, number + 1 AS more",
}[dbutils.widgets.get("change")]
spark.sql(f"CREATE OR REPLACE TABLE {table} AS {changed} FROM {table}")
"""

NO_TIME_TRAVEL = """
# Databricks notebook source
import mlflow.data


def refuse(**asked):
    raise RuntimeError("time travel is not supported on tables with row filters or column masks")


mlflow.data.load_delta = refuse

# COMMAND ----------
"""


class RealTables(OwnTables):
    def __init__(self, local_bundle, models: dict):
        super().__init__(local_bundle, "tables")
        plain = [m for m in models.values() if not m["history"] and m["algorithm"] != "spark_xgboost"]
        self.types = {f"{m['algorithm']}_{m['model_type']}": m["model_type"] for m in plain}
        self.notebooks = {f"{m['algorithm']}_{m['model_type']}": m["path"] for m in plain}
        self.regression = "linear_regression"  # which is the quickest
        self.classification = next(name for name in self.types if self.types[name] == "classification")

    def train_on(self, name: str, notebook: str, domain: str, **constants: object) -> dict:
        """By the notebook's own search if the model has its name."""
        constants = {
            "LABEL": LABELS[self.types[notebook]],
            "DOMAIN": domain,
            "KEY": f"{domain}_id",
        } | constants
        path, after = self.notebooks[notebook], f"features_{domain}"
        return self.train(f"train_{name}", name, path, after, name == notebook, **constants)


@pytest.fixture(scope="module")
def tables(local_bundle, models) -> RealTables:
    return RealTables(local_bundle, models)


@pytest.fixture(scope="module")
def trained(tables):
    labels = {"real": "amount,answer,grade,state,quarter", "plain": "amount", "filtered": "amount"}
    labels |= {"changing": "", "named_0": "", "named_1": "", "named_2": ""}
    filtered = tables.train_on("filtered", tables.regression, "filtered")
    path = tables.folder / "train_filtered.py"
    path.write_text(NO_TIME_TRAVEL.lstrip() + path.read_text().partition("\n")[2])
    more = {tables.classification: {"POSITIVE": [True, "maybe"]}}
    return tables.run(
        "tables_train",
        tables.own("gold", GOLD),
        *[tables.make_features(f"features_{domain}", domain, labels[domain], "gold") for domain in labels],
        *[tables.train_on(name, name, "real", MAX_ROWS=2000, **more.get(name, {})) for name in tables.types],
        tables.train_on("plain", tables.regression, "plain"),
        filtered,
    )


@pytest.fixture(scope="module")
def changed(tables, trained):
    """The table `changing` gets a column, then another type of a column."""
    tasks, before = [], ""
    for change in ("more", "text"):
        tasks.append(tables.own(f"gold_{change}", CHANGE_TYPE, before, change=change))
        tasks.append(tables.make_features(f"features_{change}", "changing", "", f"gold_{change}"))
        before = f"features_{change}"
    return tables.run("tables_change", *tasks)


@pytest.fixture(scope="module")
def scored(tables, trained) -> dict[str, dict]:
    """What each model predicts through score_batch, beside what it predicts by itself in pandas."""
    run = tables.run(
        "tables_score",
        tables.own("new_rows", NEW_ROWS),
        tables.make_features("features", "real", "amount,answer,grade,state,quarter", "new_rows"),
        *[tables.score(f"score_{name}", name, "real", "features") for name in tables.types],
    )
    assert {task.status for task in run.tasks} == {"SUCCESS"}
    return tables.ask(f"""
        import numpy as np
        rows, compared = spark.table(f"{{features}}.real_features").toPandas().set_index("real_id"), {{}}
        for name in {list(tables.types)}:
            raw = mlflow.pyfunc.load_model(f"models:/{{features}}.{{name}}/1/data/feature_store/raw_model")
            model = raw.get_raw_model()
            table = spark.table(f"{{features}}.{{name}}_predictions").toPandas().set_index("real_id")
            column, by_itself = "prediction", model.predict
            if "multiclass" in name:
                chosen = rows[list(model.feature_names_in_)]
                assert (table.loc[rows.index].prediction == model.predict(chosen)).all()
                column, by_itself = "probability", lambda rows: model.predict_proba(rows).max(axis=1)
            if "classification" in name:
                column, by_itself = "probability", lambda rows: model.predict_proba(rows)[:, 1]
                predicted = model.predict(rows[list(model.feature_names_in_)])
                assert (table.loc[rows.index].prediction == predicted).all()
            if "anomaly" in name:
                column = "score"
            alone = by_itself(rows[list(model.feature_names_in_)])
            with_nan = by_itself(rows[list(model.feature_names_in_)].where(rows.notna(), np.nan))
            table = table.loc[rows.index][column]
            compared[name] = dict(
                keys=int(table.count()), distinct=table.nunique(),
                different=int((table != alone).sum()), different_with_nan=int((table != with_nan).sum()),
            )
        return compared
    """)


@pytest.fixture(scope="module")
def runs(tables, trained) -> dict[str, dict]:
    return tables.ask(f"""
        client = mlflow.MlflowClient()
        experiments = [client.get_experiment_by_name(f"/Shared/tables_ml_{{name}}")
                       for name in {[*tables.types, "plain", "filtered"]}]
        runs = [client.search_runs([experiment.experiment_id])[0].data for experiment in experiments]
        return {{run.tags["model_name"]: [run.params, run.metrics, run.tags] for run in runs}}
    """)


def test_every_algorithm_learns_from_text(tables, runs):
    """Three quarters of both labels follow from the text alone."""
    for name, model_type in tables.types.items():
        metrics = runs[name][1]
        if model_type == "regression":
            assert metrics["r2"] > 0.9, name
        elif model_type == "classification":
            assert metrics["roc_auc"] > 0.9, name
        elif model_type == "multiclass":
            assert metrics["accuracy"] > 0.8, name


def test_every_key_gets_the_models_own_prediction_in_every_batch(scored):
    """Among them keys with a text that training never saw, or with nothing but NULL; 10,000 are a batch."""
    for name, compared in scored.items():
        assert compared["keys"] == 12000, name
        assert compared["distinct"] > 1, name
        assert (compared["different"], compared["different_with_nan"]) == (0, 0), name


def test_text_with_too_many_values_is_left_out_and_said(trained):
    said = log(trained, "features_real")
    assert "no_text (no values), no_number (no values), code (about 10" in said
    assert "seen (times as text; cast it to a timestamp)" in said
    assert "6 features: category, number, flag, Größe, select, visited\n" in said


@pytest.mark.parametrize(
    ("domain", "name"), [("named_0", "'a b'"), ("named_1", "'a.b'"), ("named_2", "'a;b'")]
)
def test_a_name_that_no_feature_can_have_is_refused(trained, domain, name):
    assert f"no feature can be named {name}" in status(trained, f"features_{domain}")


def test_a_column_that_appears_becomes_a_feature(changed):
    assert status(changed, "features_more") == "SUCCESS"
    assert "new: more" in log(changed, "features_more")


def test_a_column_that_changes_its_type_is_named(changed):
    expected = "has number as double, not string as in spark_catalog.tables_gold.changing; drop the feature"
    assert expected in status(changed, "features_text")


def test_of_a_table_that_is_too_large_a_fixed_sample_is_used(tables, runs, trained):
    params = runs[tables.regression][0]
    assert params["rows"] == "pmod(xxhash64(real_id, 'sample'), 10000) < 2000"
    assert 1800 < int(params["rows_train"]) + int(params["rows_holdout"]) < 2200
    assert "10000 rows are more than MAX_ROWS" in log(trained, f"train_{tables.regression}")


@pytest.mark.parametrize("domain", ["plain", "filtered"])
def test_tables_without_versions_train_and_the_run_says_so(trained, runs, domain):
    """A Parquet table, and one that allows no time travel, as those with row filters or column masks."""
    assert status(trained, f"train_{domain}") == "SUCCESS"
    assert f"no_delta_version.{domain}" in runs[domain][2]


def test_rows_have_their_weight_and_what_it_is_taken_of_is_no_feature(tables, trained):
    path = tables.bundle.root / tables.notebooks[tables.regression]
    columns, rows, weights = tables.ask(f"""
        import pandas as pd
        definitions, calls = open({str(path)!r}).read().split("status = main()")
        names = {{"spark": spark, "dbutils": dbutils}}
        exec(definitions + "pass" + calls.split("# COMMAND")[0], names)
        names |= {{"DOMAIN": "real", "KEY": "real_id", "LABEL": "amount", "WEIGHT": "number"}}
        data = names["load_data"](f"{{gold}}.real", f"{{features}}.real_features")
        found = pd.concat([data.train, data.holdout])
        gold_rows = spark.table(f"{{gold}}.real").where("number > 0 AND amount IS NOT NULL")
        weights = found.index.get_level_values("_weight").to_series()
        return [list(found.columns), [len(found), gold_rows.count()], [weights.min(), weights.max()]]
    """)
    assert sorted(columns) == ["Größe", "amount", "category", "flag", "select", "visited"]
    assert rows[0] == rows[1]
    assert weights == [0.1, 9.9]


@pytest.mark.parametrize(
    ("label", "positive", "found"),
    [
        (
            "grade",
            None,
            "label grade has the values 0.0, 1.0, 2.0; write into POSITIVE which are positive, "
            "or make the model's type multiclass",
        ),
        ("grade", [1, 2], 6667),
        (
            "state",
            None,
            "label state has the values 'churned', 'stayed'; write into POSITIVE which are positive",
        ),
        ("state", ["Churned"], 3333),
        (
            "state",
            ["chruned"],
            "label state has the values 'churned', 'stayed'; POSITIVE = ['chruned'] is none of "
            "them, so correct it",
        ),
        (
            "answer",
            ["churned"],
            "label answer has the values 0.0, 1.0; POSITIVE = ['churned'] is none of them, so correct it",
        ),
    ],
)
def test_which_values_of_a_label_are_positive_is_said_not_guessed(tables, trained, label, positive, found):
    path = tables.bundle.root / tables.notebooks[tables.classification]
    assert found == tables.ask(f"""
        definitions, calls = open({str(path)!r}).read().split("status = main()")
        names = {{"spark": spark, "dbutils": dbutils}}
        exec(definitions + "pass" + calls.split("# COMMAND")[0], names)
        names |= {{"KEY": "real_id", "LABEL": {label!r}, "POSITIVE": {positive!r}}}
        try:
            rows, _ = names["read_rows"](spark.table(f"{{gold}}.real").where("real_id <= 10000"))
            return rows.where("{label} = 1").count()
        except ValueError as error:
            return str(error)
    """)


@pytest.mark.parametrize(
    ("label", "positive", "unknown"),
    [
        ("state", None, None),
        ("state", [" Churned"], None),
        ("state", ["churned", "Lapsed", "lost"], "'Lapsed', 'lost'"),
        ("grade", [2, "2.0", 3, "high"], "3, 'high'"),
    ],
)
def test_what_positive_names_and_no_row_has_is_said(tables, trained, label, positive, unknown):
    path = tables.bundle.root / tables.notebooks[tables.classification]
    remarks = tables.ask(f"""
        definitions, calls = open({str(path)!r}).read().split("status = main()")
        names = {{"spark": spark, "dbutils": dbutils}}
        exec(definitions + "pass" + calls.split("# COMMAND")[0], names)
        names |= {{"KEY": "real_id", "LABEL": {label!r}, "POSITIVE": {positive!r}}}
        return names["remarks_on_positive"](spark.table(f"{{gold}}.real"))
    """)
    assert remarks == ([f"no row has {unknown}, which POSITIVE names"] if unknown else [])


def test_what_positive_names_and_no_row_has_stands_in_the_reason(tables, runs):
    reason = runs[tables.classification][2]["promotion_reason"]
    assert "; no row has 'maybe', which POSITIVE names" in reason


def test_a_lookups_default_values_stand_for_what_is_missing_in_training(tables, trained):
    """A key that the feature table lacks, and a feature that is NULL; the model's feature spec keeps it."""
    read, kept = tables.ask("""
        from databricks.feature_engineering import FeatureEngineeringClient, FeatureLookup

        client, name = FeatureEngineeringClient(), f"{features}.defaulted"
        table = spark.sql("SELECT * FROM VALUES (1L, 1D), (2L, 2D), (3L, NULL) AS t(shop_id, price)")
        client.create_table(name=name, primary_keys=["shop_id"], df=table)
        lookup = FeatureLookup(table_name=name, lookup_key="shop_id", default_values={"price": 7.0})
        labels = spark.sql("SELECT id AS shop_id, 0D AS label FROM range(1, 5)")
        training = client.create_training_set(df=labels, feature_lookups=[lookup], label="label")
        rows = training.load_df().toPandas().sort_values("shop_id")
        columns = training.feature_spec.feature_column_infos
        return [list(rows.price), [column.default_value_str for column in columns]]
    """)
    assert (read, kept) == ([1, 2, 7, 7], ["7.0"])
