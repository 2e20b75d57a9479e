"""Models that Spark's workers learn together: by one and by two, from all rows, with few rows collected.

Each row of KINDS is a notebook by spark_xgboost. One is trained with one worker and with two, the other with
two, of which little may be collected. Tasks of different kinds run at the same time, on the cores of one
machine.
"""

import pytest
from own_tables import OwnTables

ROWS = 4000
NOISE = ", ".join(f"rand({n}) AS noise_{n}" for n in range(2, 30))  # as many as make Spark plan for long
KINDS = {"regression": "size", "classification": "is_large"}
ONE, TWO, FEW = {"NUM_WORKERS": 1}, {"NUM_WORKERS": 2}, {"NUM_WORKERS": 2, "SAMPLE_ROWS": 300}
VARIANTS = {"size": {"few": FEW}, "is_large": {"one": ONE, "two": TWO}}
TABLE = f"""
    CREATE TABLE {{gold}}.shop AS
    SELECT *, number * 2 + IF(colour = 'red', 5, 0) AS size,
        number + IF(colour = 'red', 0.4, 0) > 0.7 AS is_large
    FROM (
        SELECT id AS shop_id, IF(id % 50 = 3, NULL, rand(1)) AS number, {NOISE},
            element_at(array('red', 'green', NULL, 'blue'), CAST(id % 4 + 1 AS INT)) AS colour
        FROM range({ROWS})
    )
"""


@pytest.fixture(scope="module")
def notebooks(models):
    plain = [m for m in models.values() if m["algorithm"] == "spark_xgboost" and not m["history"]]
    found = {model["model_type"]: model["path"] for model in plain}
    if set(found) != set(KINDS):
        pytest.skip("no model of each kind by spark_xgboost in this bundle")
    return found


@pytest.fixture(scope="module")
def tables(local_bundle):
    return OwnTables(local_bundle, "on_spark")


@pytest.fixture(scope="module")
def run(tables, notebooks):
    for schema in (tables.gold, tables.features):
        tables.bundle.sql(f"CREATE SCHEMA {schema}")
    tables.bundle.sql(TABLE.format(gold=tables.gold))
    tasks = [tables.make_features("features", "shop", ", ".join(f"{v}:{k}" for k, v in KINDS.items()))]
    for kind, label in KINDS.items():
        for variant, constants in VARIANTS[label].items():
            model = f"{label}_{variant}"
            given = {"DOMAIN": "shop", "KEY": "shop_id", "LABEL": label, **constants}
            tasks.append(
                tables.train(f"train_{model}", model, notebooks[kind], "features", variant != "one", **given)
            )
            tasks.append(tables.score(f"score_{model}", model, "shop", f"train_{model}"))
    return tables.run("on_spark", *tasks)


@pytest.fixture(scope="module")
def facts(tables, run):
    """Of each model: its run, the rows its first tree has seen, and how its predictions differ."""
    return {
        f"{label}_{variant}": tables.ask(f"""
            name, label = f"{{features}}.{label}_{variant}", "{label}"
            version = mlflow.MlflowClient().get_model_version(name, "1")
            path = f"models:/{{name}}/1/data/feature_store/raw_model"
            model = mlflow.pyfunc.load_model(path).get_raw_model()
            columns = list(model.feature_names_in_)
            table = spark.table(f"{{name}}_predictions")
            rows = table.join(spark.table(f"{{features}}.shop_features"), "shop_id").toPandas()
            inputs = rows[columns].astype({{c: "float32" for c in columns if rows[c].dtype == "float64"}})
            if "probability" in rows:
                difference = model.predict_proba(inputs)[:, 1] - rows["probability"]
                trees = model.estimator_[-1]
            else:
                difference, trees = model.predict(inputs) - rows["prediction"], model[-1]
            judged = model.judged_
            judged = judged.estimator_[-1] if "probability" in rows else judged[-1]
            first = judged.get_booster().trees_to_dataframe().query("Tree == 0 and Node == 0")
            logged = mlflow.get_run(version.run_id).data
            return dict(
                params=logged.params, metrics=logged.metrics, promotion=version.tags["promotion"],
                scored=len(rows), difference=float(abs(difference).max()),
                cover=float(first["Cover"].iloc[0]), kind=type(trees).__module__,
            )
        """)
        for label in KINDS.values()
        for variant in VARIANTS[label]
    }


def test_all_are_trained_and_score_though_two_learn_at_once(run):
    found = {task.key: task.status for task in run.tasks}
    assert set(found.values()) == {"SUCCESS"}, found


def test_each_becomes_champion_of_good_quality(facts):
    for name, fact in facts.items():
        assert fact["promotion"] == "champion", name
        assert fact["metrics"].get("r2", fact["metrics"].get("roc_auc")) > 0.9, name


def test_as_many_workers_learn_as_the_notebook_says(facts):
    for name, fact in facts.items():
        assert fact["params"]["num_workers"] == ("1" if name.endswith("one") else "2"), name


def test_the_trees_learn_from_all_rows_and_few_are_collected(facts):
    """With squared error each row counts 1 in a tree's cover; with log loss p * (1 - p)."""
    for name, fact in facts.items():
        learnt, held_out = int(fact["params"]["rows_train"]), int(fact["params"]["rows_holdout"])
        assert learnt > 0.75 * ROWS, name
        if name.startswith("size"):
            assert fact["cover"] == learnt, name
        else:
            assert fact["cover"] == pytest.approx(facts["is_large_one"]["cover"]), name
        assert (held_out < 400) == name.endswith("few"), name


def test_the_model_is_plain_xgboost_and_predicts_the_same_through_pandas_and_score_batch(facts):
    for name, fact in facts.items():
        assert fact["kind"] == "xgboost.sklearn", name
        assert fact["scored"] == ROWS, name
        assert fact["difference"] < 1e-6, name
