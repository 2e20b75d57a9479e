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
LABELS = {"regression": ["amount"], "classification": ["zero_five", "is_true", "answer"], "anomaly": [None]}
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
spark.sql(f"DROP TABLE {dbutils.widgets.get('feature_schema')}.seen_features")
"""

ADD_MESSY = """
# Databricks notebook source
messy = f"{dbutils.widgets.get('gold_schema')}.messy"
new_id = dbutils.widgets.get("messy_id")
spark.sql(f"INSERT INTO {messy} BY NAME SELECT * EXCEPT (messy_id), {new_id} AS messy_id FROM {messy} WHERE messy_id = 8")
"""


class Rules:
    """Runs this bundle's notebooks on tables of their own."""

    def __init__(self, local_bundle, models: dict):
        self.bundle = local_bundle
        self.catalog = local_bundle.gold.split(".")[0]
        self.gold, self.features = f"{self.catalog}.rules_gold", f"{self.catalog}.rules_ml"
        self.notebooks = {model["model_type"]: local_bundle.root / model["path"] for model in models.values()}
        self.any_type = next(model_type for model_type in LABELS if model_type in self.notebooks)
        self.any_label = LABELS[self.any_type][-1]
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
        rules.own("change_seen", CHANGE_SEEN, "train_seen"),
        make("features_seen_again", "seen", "amount,answer", "change_seen"),
        train("train_seen_again", "seen", a_type, "seen", a_label, "features_seen_again"),
    ]
    if a_label is None:
        tasks.append(train("train_messy", "messy", a_type, "messy", None, "features_messy"))
    else:
        labels = {"rare": a_type, "not_there": a_type}
        labels |= {label: a_type for a_type in rules.notebooks for label in LABELS[a_type] if label}
        labels |= {"never": "classification"} if "classification" in rules.notebooks else {}
        for label, model_type in labels.items():
            tasks.append(train(f"train_{label}", label, model_type, "messy", label, "features_messy"))
    return rules.run("rules_train", *tasks)


@pytest.fixture(scope="module")
def features(rules, trained) -> dict:
    return rules.ask("""
        table = spark.table(features + ".messy_features")
        return dict(types=table.dtypes, rows=[row.asDict() for row in table.orderBy("messy_id").collect()])
    """)


@pytest.fixture(scope="module")
def facts(rules, trained) -> dict[str, dict]:
    """What each model's runs and its registered versions say, the oldest first."""
    keys = [task.key.removeprefix("train_") for task in trained.tasks if task.key.startswith("train_")]
    models = {key: "seen" if key == "seen" else "messy" for key in keys if key != "seen_again"}
    return rules.ask(f"""
        client, facts = mlflow.MlflowClient(), {{}}
        registered = [model.name for model in client.search_registered_models()]
        for model, domain in {models}.items():
            name, key = f"{{features}}.{{model}}", f"{{domain}}_id"
            experiment = client.get_experiment_by_name(f"/Shared/rules_ml_{{model}}")
            runs = client.search_runs([experiment.experiment_id], order_by=["start_time"])
            facts[model] = dict(
                aliases=client.get_registered_model(name).aliases if name in registered else None,
                params=[run.data.params for run in runs],
                tags=[run.data.tags for run in runs],
                inputs=[[json.loads(i.dataset.source) for i in run.inputs.dataset_inputs] for run in runs],
                held_out=[],
            )
            for run in runs:
                held_out = spark.table(f"{{gold}}.{{domain}}").where(run.data.params["holdout"]).select(key)
                facts[model]["held_out"].append([row[0] for row in held_out.collect()])
            if domain == "messy" and name in registered:
                raw_model = f"models:/{{name}}/1/data/feature_store/raw_model"
                raw = mlflow.pyfunc.load_model(raw_model).get_raw_model()
                rows = spark.table(f"{{features}}.messy_features").where("messy_id IN (18, 23)")
                facts[model]["features"] = list(raw.feature_names_in_)
                facts[model]["classes"] = [float(value) for value in getattr(raw, "classes_", [])]
                rows = rows.orderBy("messy_id").toPandas()[facts[model]["features"]]
                facts[model]["predicted"] = [float(value) for value in raw.predict(rows)]
        return facts
    """)


@pytest.fixture(scope="module")
def scored(rules, trained) -> JobRun:
    """A key is new since the features were made; one model's champion has lost its files, one has none."""
    shutil.rmtree(rules.bundle.workspace.state / "models" / rules.features.replace(".", "/") / "seen" / "2")
    keys = ["score_any", "score_seen", "score_never_trained"]
    gate = rules.task(
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
        gate,
    )


def test_x(trained, facts, features, scored):
    import json
    print(json.dumps(facts, indent=1))
    print(json.dumps(features, indent=1, default=str)[:3000])
