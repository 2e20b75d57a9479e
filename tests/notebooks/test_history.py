"""Tables with several rows per key: what was known when, and which row of a key is scored."""

import pytest
from own_tables import OwnTables, log, status

GOLD = """
# Databricks notebook source
schema = dbutils.widgets.get("gold_schema")
spark.sql(f"CREATE SCHEMA {schema}")
spark.sql(f"CREATE SCHEMA {dbutils.widgets.get('feature_schema')}")
for domain, months_later in [("known", 0), ("later", 1)]:
    spark.sql(f'''CREATE TABLE {schema}.{domain} AS
        SELECT id AS {domain}_id, add_months(DATE '2025-01-01', month) AS observed_at,
            pmod(hash(id, month - {months_later}), 1000) AS outcome,
            IF(month = 11 AND id > 50, NULL, pmod(hash(id, month), 1000)) AS amount,
            IF(id % 20 = month, NULL, pmod(id, 3) = 0 AND month + id % 7 > 3) AS is_back
        FROM range(1, 101), LATERAL (SELECT explode(sequence(0, 11)) AS month)''')
"""


@pytest.fixture(scope="module")
def history(local_bundle, models) -> tuple[OwnTables, dict[str, str]]:
    """Tables of these tests, and the notebook of each type with history."""
    found = {m["model_type"]: m["path"] for m in models.values() if m["history"]}
    return OwnTables(local_bundle, "history"), found


@pytest.fixture(scope="module")
def trained(history):
    """In `known` a column says the outcome when the row was observed, in `later` only a month later."""
    tables, notebooks = history
    tasks = [tables.own("gold", GOLD)]
    for domain in ("known", "later"):
        tasks.append(
            tables.make_features(f"features_{domain}", domain, "amount,is_back", "gold", history="true")
        )
    for name, domain, model_type, label in (
        ("known", "known", "regression", "amount"),
        ("later", "later", "regression", "amount"),
        ("back", "known", "classification", "is_back"),
    ):
        constants = {"DOMAIN": domain, "KEY": f"{domain}_id", "LABEL": label}
        path, after = notebooks[model_type], f"features_{domain}"
        tasks.append(tables.train(f"train_{name}", name, path, after, **constants))
    run = tables.run("history_train", *tasks)
    assert {task.status for task in run.tasks} == {"SUCCESS"}
    return run


def test_what_is_known_only_later_does_not_help(history, trained):
    tables, _ = history
    r2 = {
        domain: tables.ask(f"""
            client = mlflow.MlflowClient()
            experiment = client.get_experiment_by_name("/Shared/history_ml_{domain}")
            return client.search_runs([experiment.experiment_id])[0].data.metrics["r2"]
        """)
        for domain in ("known", "later")
    }
    assert r2["known"] > 0.9
    assert r2["later"] < 0.1


def test_the_keys_last_value_is_the_one_before_in_time(history, trained):
    tables, _ = history
    logged, computed = tables.ask("""
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name("/Shared/history_ml_known")
        last = client.search_runs([experiment.experiment_id])[0].data.metrics["last_rmse"]
        months = spark.table(f"{gold}.known").where("amount IS NOT NULL").toPandas()
        months = months.pivot(index="known_id", columns="observed_at", values="amount")
        off = (months.diff(axis=1).iloc[:, -3:] ** 2).stack()
        return [last, float(off.mean() ** 0.5)]
    """)
    assert logged == pytest.approx(computed)


def test_so_is_whether_a_key_was_positive_before(history, trained):
    tables, _ = history
    reason, metrics, computed = tables.ask("""
        from sklearn.metrics import f1_score
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name("/Shared/history_ml_back")
        run = client.search_runs([experiment.experiment_id])[0].data
        months = spark.table(f"{gold}.known").where("is_back IS NOT NULL").toPandas()
        months = months.sort_values("observed_at")
        months["last"] = months.groupby("known_id")["is_back"].shift()
        newest = months[months.observed_at.astype(str) >= "2025-10-01"]
        found = f1_score(newest.is_back.astype(bool), newest["last"].astype(bool))
        return [run.tags["promotion_reason"], run.metrics, float(found)]
    """)
    assert "; the key's last value alone is better, last 1, a gain of -0." in reason, reason
    assert metrics["last_f1"] == pytest.approx(computed) and metrics["last_gain"] < -0.1


def test_the_holdout_is_the_latest_time(history, trained):
    tables, _ = history
    params = tables.ask("""
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name("/Shared/history_ml_known")
        return client.search_runs([experiment.experiment_id])[0].data.params
    """)
    assert params["holdout"].startswith("observed_at >= '2025-10-01")
    assert (params["rows_train"], params["rows_holdout"]) == ("900", "250")


def test_a_write_does_not_order_the_whole_table_anew(history, trained):
    """As the client does with a table that is not clustered by its keys."""
    tables, _ = history
    clustered_by, ordered = tables.ask("""
        table = f"{features}.known_features"
        orders = spark.sql(f"DESCRIBE HISTORY {table}").selectExpr("operationParameters.zOrderBy AS columns")
        ordered = orders.where("columns IS NOT NULL AND columns != '[]'").count()
        return spark.sql(f"DESCRIBE DETAIL {table}").first().clusteringColumns, ordered
    """)
    assert (clustered_by, ordered) == (["known_id", "observed_at"], 0)


@pytest.mark.parametrize(("as_of", "month"), [("", 12), ("2025-06-15", 6)])
def test_each_key_is_scored_by_its_latest_row_or_that_of_a_time_given(history, trained, as_of, month):
    tables, _ = history
    score = tables.score("score", "known", "known", history="true", as_of=as_of)
    run = tables.run("history_score", score)
    assert status(run, "score") == "SUCCESS"
    assert "100 keys to score, 0 without features" in log(run, "score")
    rows, different = tables.ask(f"""
        raw_model = mlflow.pyfunc.load_model(f"models:/{{features}}.known/1/data/feature_store/raw_model")
        model = raw_model.get_raw_model()
        table = spark.table(f"{{features}}.known_features").where("month(observed_at) = {month}")
        rows = table.toPandas().set_index("known_id").sort_index()
        scored = spark.table(f"{{features}}.known_predictions").toPandas().set_index("known_id").sort_index()
        expected = model.predict(rows[list(model.feature_names_in_)])
        return len(scored), int((scored.prediction != expected).sum())
    """)
    assert (rows, different) == (100, 0)
