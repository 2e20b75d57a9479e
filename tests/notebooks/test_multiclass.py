"""Labels of more than two classes, from the gold table to monitoring: texts, codes, and a table with history.

`grade` is text, with spaces, with rows without a label, and a class of two rows; `code` is a number.
"""

import pytest
from own_tables import OwnTables, log, status

GOLD = """
# Databricks notebook source
schema = dbutils.widgets.get("gold_schema")
spark.sql(f"CREATE SCHEMA {schema}")
spark.sql(f"CREATE SCHEMA {dbutils.widgets.get('feature_schema')}")
spark.sql(f'''CREATE TABLE {schema}.shops AS
    SELECT id AS shops_id,
        pmod(hash(id), 3) + pmod(hash(id, 1), 100) / 120D AS size,
        IF(id % 20 = 0, NULL, element_at(array('a', 'b', 'c'), int(pmod(hash(id), 3)) + 1)) AS area,
        CASE WHEN id IN (7, 8) THEN 'odd' WHEN id % 50 = 0 THEN NULL
            ELSE element_at(array('gold', ' low end', "it's"), int(pmod(hash(id), 3)) + 1) END AS grade,
        CASE WHEN id % 50 = 0 THEN double('NaN') ELSE 10D * pmod(hash(id), 3) END AS code
    FROM range(1, 601)''')
spark.sql(f'''CREATE TABLE {schema}.trips AS
    SELECT trips_id, timestampadd(MONTH, month, TIMESTAMP '2025-01-01') AS observed_at,
        pmod(hash(trips_id, month), 3) + pmod(hash(trips_id), 100) / 120D AS size,
        pmod(hash(trips_id, month), 3) AS mood
    FROM (SELECT id AS trips_id, explode(sequence(0, 5)) AS month FROM range(1, 101))''')
"""

TURN = """
# Databricks notebook source
shops = f"{dbutils.widgets.get('gold_schema')}.shops"
spark.sql(f"UPDATE {shops} SET grade = IF(grade = 'gold', ' low end', 'gold') WHERE shops_id % 2 = 0")
"""


class Classes(OwnTables):
    """Three models, whose holdout the one that scores has not learnt from, so that it has new labels."""

    def __init__(self, local_bundle, models: dict):
        super().__init__(local_bundle, "classes")
        self.notebooks = {model["algorithm"]: model["path"] for model in models.values() if is_ours(model)}

    def train_on(self, label: str, domain: str, algorithm: str) -> dict:
        constants = {"DOMAIN": domain, "KEY": f"{domain}_id", "LABEL": label, "REFIT": False}
        path, after = self.notebooks[algorithm], f"features_{domain}"
        return self.train(f"train_{label}", label, path, after, **constants)

    def monitor(self, label: str, domain: str, after: str, **parameters: str) -> dict:
        notebook, key = "src/*/monitoring/monitor_model.py", f"monitor_{label}"
        return self.task(key, notebook, after, domain=domain, model_name=label, **parameters)


def is_ours(model: dict) -> bool:
    return model["model_type"] == "multiclass"


@pytest.fixture(scope="module")
def tables(local_bundle, models) -> Classes:
    return Classes(local_bundle, models)


@pytest.fixture(scope="module")
def run(tables):
    past = {"history": "true"}
    return tables.run(
        "classes",
        tables.own("gold", GOLD),
        tables.make_features("features_shops", "shops", "grade:multiclass,code:multiclass", "gold"),
        tables.make_features("features_trips", "trips", "mood:multiclass", "gold", **past),
        tables.train_on("grade", "shops", "xgboost"),
        tables.train_on("code", "shops", "gradient_boosting"),
        tables.train_on("mood", "trips", "linear"),
        tables.score("score_grade", "grade", "shops", "train_grade"),
        tables.score("score_code", "code", "shops", "train_code"),
        tables.score("score_mood", "mood", "trips", "train_mood", **past),
        tables.monitor("grade", "shops", "score_grade"),
        tables.monitor("code", "shops", "score_code"),
        tables.monitor("mood", "trips", "score_mood", window_days="100", **past),
    )


def test_every_step_succeeds_and_finds_nothing_to_complain_of(run):
    assert {task.key: task.status for task in run.tasks if task.key != "gold"} == {
        task.key: "SUCCESS" for task in run.tasks if task.key != "gold"
    }
    assert "label" not in log(run, "features_shops")


def test_rows_without_a_label_or_of_a_rare_class_are_not_learnt_and_the_class_is_named(tables, run):
    reason, rows = tables.ask("""
        version = mlflow.MlflowClient().get_model_version(f"{features}.grade", "1")
        params = mlflow.get_run(version.run_id).data.params
        return version.tags["promotion_reason"], int(params["rows_train"]) + int(params["rows_holdout"])
    """)
    assert "rows of odd (2) are left out, since fewer than 3 of each are to learn from" in reason
    assert rows == 600 - 12 - 2


CLASSES = {
    "grade": ["gold", "it's", "low end"],
    "code": ["0.0", "10.0", "20.0"],
    "mood": ["0", "1", "2"],
}


@pytest.mark.parametrize("label", CLASSES)
def test_each_key_gets_a_text_with_its_probability_and_that_of_each_class(tables, run, label):
    keys, rows, unlike, classes, right = tables.ask(f"""
        domain = "trips" if "{label}" == "mood" else "shops"
        key, gold = f"{{domain}}_id", spark.table(f"{{gold}}.{{domain}}")
        table = spark.table(f"{{features}}.{label}_predictions")
        sums = "aggregate(map_values(probabilities), 0D, (sum, each) -> sum + each)"
        is_like = f"probability = probabilities[prediction] AND probability = "
        is_like += f"array_max(map_values(probabilities)) AND abs({{sums}} - 1) < 0.001"
        classes = table.selectExpr("explode(map_keys(probabilities)) AS name").distinct().collect()
        labelled = gold.join(table, key).selectExpr("avg(double(prediction = trim(string({label}))))")
        return (gold.select(key).distinct().count(), table.count(), table.where(f"NOT ({{is_like}})").count(),
            sorted(row.name for row in classes), labelled.first()[0])
    """)
    assert (keys, unlike, classes) == (rows, 0, CLASSES[label])
    assert right > (0.36 if label == "mood" else 0.8)  # of a trip only the last month is predicted


def test_scoring_twice_is_scoring_once(tables, run):
    ask = "return sorted(map(str, spark.table(f'{features}.grade_predictions').collect()))"
    before = tables.ask(ask)
    again = tables.run("classes_again", tables.score("score_twice", "grade", "shops"))
    assert status(again, "score_twice") == "SUCCESS"
    assert tables.ask(ask) == before


@pytest.mark.parametrize("label", CLASSES)
def test_monitoring_compares_classes_and_has_metrics_of_labels_that_arrived(tables, run, label):
    found = tables.ask(f"""
        table = spark.table(f"{{features}}.{label}_monitoring").collect()
        rows = {{row.column_name: row.asDict(True) for row in table}}
        metrics = {{each["name"]: each["value"] for each in rows[":table"]["metrics"]}}
        names = ("{label}", "prediction")
        return metrics, [rows[name]["chi_squared_test"] is not None for name in names]
    """)
    metrics, compared = found
    assert set(metrics) == {"log_loss", "accuracy"} and compared == [True, True]
    logged = tables.ask(f"""
        version = mlflow.MlflowClient().get_model_version(f"{{features}}.{label}", "1")
        return mlflow.get_run(version.run_id).data.metrics
    """)
    if label != "mood":  # without a time these are the rows of the holdout
        for name, value in metrics.items():
            assert value == pytest.approx(logged[name], rel=1e-4), name


def test_labels_that_turn_are_an_alert_of_the_log_loss_and_a_prediction_of_another_type_is_refused(
    tables, run
):
    table, other = (
        f"{tables.features}.code_predictions",
        "SELECT * EXCEPT (prediction), double(prediction) AS prediction",
    )
    tables.bundle.sql(f"CREATE OR REPLACE TABLE {table} AS {other} FROM {table}")
    later = tables.run(
        "classes_later",
        tables.own("turn", TURN),
        tables.monitor("grade", "shops", "turn"),
        tables.score("score_code", "code", "shops", "turn"),
    )
    assert status(later, "monitor_grade").startswith("ALERT: log_loss is "), status(later, "monitor_grade")
    expected = "has predictions as double, and version 1 gives string; drop the table"
    assert expected in status(later, "score_code")
