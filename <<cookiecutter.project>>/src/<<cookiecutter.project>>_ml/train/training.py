# Databricks notebook source
# MAGIC %md
# MAGIC # Train << model.name >>
# MAGIC
# % block purpose
# % endblock
# % if on_spark
# MAGIC Spark's workers learn together, each from its share of the rows, which are never collected. Samples
# MAGIC of them come here, for the texts to encode, for settings and threshold, and for the holdout's metrics.
# % endif
# MAGIC The version of `{catalog}.{feature_schema}.<< model.name >>` with the alias `champion` scores. Safe to run
# MAGIC again: each run adds a run and a version.

# COMMAND ----------

import logging
import traceback
import warnings
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distribution
from typing import NamedTuple

import mlflow
import numpy as np
import pandas as pd
from databricks.feature_engineering import FeatureEngineeringClient, FeatureLookup
from databricks.feature_engineering.training_set import TrainingSet
from matplotlib.figure import Figure
from mlflow.types.schema import ColSpec, DataType, Schema
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.compose import ColumnTransformer
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

mlflow.set_registry_uri("databricks-uc")
mlflow.autolog(disable=True)
# What these warn of is always so: Spark Connect has no RDD, and the raw model has the input example.
# % if on_spark
for noisy in ("mlflow.data.spark_dataset", "mlflow.tracking._model_registry.fluent", "XGBoost-PySpark"):
# % else
for noisy in ("mlflow.data.spark_dataset", "mlflow.tracking._model_registry.fluent"):
# % endif
    logging.getLogger(noisy).setLevel(logging.ERROR)
warnings.filterwarnings("ignore", ".*(An input example was not provided|contains integer column)")

# The job gives the parameters. Fill them in above when you open this notebook by hand.
dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("project", "", "Project, which names the experiment")
dbutils.widgets.text("model_name", "", "Name of the model, as registered")
dbutils.widgets.text("features_status", "", "How the refresh of the features ended; empty by hand")
dbutils.widgets.text("approval", "automatic", "Who names the champion: automatic, or manual")
dbutils.widgets.text("promotion_margin", "0", "By how much a version must be better than the champion")
dbutils.widgets.text("git_commit", "", "The commit that was deployed")

# COMMAND ----------

# DBTITLE 1,Yours to change
DOMAIN = "<< model.domain >>"
KEY = "<< model.domain >>_id"  # the primary key of the feature table
# % block label
# % endblock
USE_CASE = "<< model.domain >>: << model.name >>"
HOLDOUT_SHARE = 0.2
MIN_ROWS = 50  # fewer rows to learn from end as SKIPPED
# % if on_spark
SAMPLE_ROWS = 100_000  # about as many of the rows come to this machine, or fewer: a fixed sample of the keys
NUM_WORKERS = 8  # tasks of Spark that learn together; as many as Spark has cores, if these are fewer
# % else
MAX_ROWS = 1_000_000  # of more rows, about as many are used: a fixed sample of the keys
# % endif
# % block measures
# % endblock
MODEL_TYPE = "<< model.type >>"
ALGORITHM = "<< model.algorithm >>"
# % include train ~ "algorithms/" ~ model.algorithm ~ ".py"


# COMMAND ----------


# DBTITLE 1,Rows: what is learnt from, and what is held out
# The newest rows by observed_at are held out; without that column, a fixed share by a hash of the key.
# Either way a row that is held out today was never trained on by yesterday's champion.
class Skipped(Exception):
    """There is nothing to train, for a reason that is no failure."""


class TrainingData(NamedTuple):
    """What a training reads: two tables, as MLflow logs them, and their rows."""

    gold: mlflow.data.Dataset
    features: mlflow.data.Dataset
    training_set: TrainingSet
# % if on_spark
    train: DataFrame  # all that are learnt from; the others are samples
    examples: pd.DataFrame
    validation: pd.DataFrame
# % else
    train: pd.DataFrame
# % endif
    holdout: pd.DataFrame
    rules: dict[str, str]


def read_table(table: str) -> mlflow.data.Dataset:
    """A table as of its newest Delta version; as it is where that cannot be read, as of a view."""
    spark = SparkSession.builder.getOrCreate()
    try:
        newest = spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").first()
        dataset = mlflow.data.load_delta(table_name=table, version=str(newest.version))
        _ = dataset.df.schema  # Spark says here if it cannot be read
    except Exception:
        dataset = mlflow.data.from_spark(spark.table(table), table_name=table, name=table)
    return dataset


# % block label_functions
# % endblock
# % include train ~ ("rows_on_spark.py" if on_spark else "rows_in_pandas.py")
# COMMAND ----------


# DBTITLE 1,Helpers, the same in every training notebook, which cannot count on importing them
def get_parameters() -> tuple[str, str, str, str, str]:
    """catalog, gold_schema, feature_schema, project, model_name; raises where the job gives no right ones."""
    catalog, gold_schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("gold_schema")
    feature_schema, project = dbutils.widgets.get("feature_schema"), dbutils.widgets.get("project")
    model_name = dbutils.widgets.get("model_name")
    if not all(given := (catalog, gold_schema, feature_schema, project, model_name)):
        raise ValueError("a parameter is empty; fill in the widgets above, or give it in the job's YAML")
    if (approval := dbutils.widgets.get("approval")) not in ("automatic", "manual"):
        raise ValueError(f"parameter approval is {approval!r}; make it automatic or manual")
    if (features_status := dbutils.widgets.get("features_status")).startswith("FAILED"):
        raise ValueError(f"the features of {DOMAIN} were not refreshed, {features_status}")
    return given


def setup_mlflow_experiment(project: str, model_name: str) -> str:
    """The id of experiment /Shared/{project}_ml_{model_name}; raises where it cannot be used."""
    experiment = mlflow.set_experiment(f"/Shared/{project}_ml_{model_name}")
    print(f"Experiment {experiment.name}, id {experiment.experiment_id}")
    return experiment.experiment_id


def get_run_name(model_name: str, algorithm: str, version: str = "v1") -> str:
    """For example churn_xgboost_v1_20260131_093000."""
    return f"{model_name}_{algorithm}_{version}_{datetime.now():%Y%m%d_%H%M%S}"


def get_standard_tags(project: str, model_name: str, training_table: str) -> dict[str, str]:
    """The tags that every run carries."""
    return {
        "project": project,
        "domain": DOMAIN,
        "model_name": model_name,
        "model_type": MODEL_TYPE,
        "algorithm": ALGORITHM,
        "layer": "ml",
        "team": "data_science",
        "use_case": USE_CASE,
        "feature_store_enabled": "true",
        "training_data": training_table,
    }


def log_training_dataset(dataset: mlflow.data.Dataset) -> None:
    """Logs a table as input of the active run, with the Delta version that was read."""
    if getattr(dataset.source, "delta_table_version", None) is None:
        short_name = dataset.name.split(".")[-1]
        mlflow.set_tag(f"no_delta_version.{short_name}", "read as it was at the time of the run")
    mlflow.log_input(dataset, context="training")
    print(f"Dataset {dataset.name}")


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# % block functions
# % endblock

def pin(package: str) -> str:
    """The package, or its `-cpu` edition, with the version that is imported: the first on the path."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        found = distribution(f"{package}-cpu")
    return f"{found.name}=={found.version}"


def log_model(model: Pipeline, data: TrainingData, registered_model: str) -> str:
    """Logs the model with its parameters to the active run, and registers a version; returns its id."""
# % if model.type == "classification"
    used = {**model.estimator_[-1].get_params(), **data.rules, "features": len(model.feature_names_in_)}
    used["threshold"] = model.best_threshold_
# % else
    used = {**model[-1].get_params(), **data.rules, "features": len(model.feature_names_in_)}
# % endif
# % if on_spark
    mlflow.log_params({**used, "rows_holdout": len(data.holdout)})
# % else
    mlflow.log_params({**used, "rows_train": len(data.train), "rows_holdout": len(data.holdout)})
# % endif
    logged = FeatureEngineeringClient().log_model(
        model=model,
        artifact_path="model",
        flavor=mlflow.sklearn,
        training_set=data.training_set,
        registered_model_name=registered_model,
# % if on_spark
        input_example=data.examples[list(model.feature_names_in_)].head(5),
# % else
        input_example=data.train[list(model.feature_names_in_)].head(5),
# % endif
        signature=False,  # or what is missing in scoring alone would be refused
# % if model.type == "classification"
        pyfunc_predict_fn="predict_proba",
        output_schema=Schema([ColSpec(Array(DataType.double))]),
# % else
        output_schema=Schema([ColSpec(DataType.double)]),
# % endif
        pip_requirements=[pin(package) for package in PACKAGES],
        serialization_format="cloudpickle",
    )
    return logged.model_id


# COMMAND ----------


# DBTITLE 1,Promotion
# % block promotion
# % endblock
def describe(model: Pipeline, data: TrainingData, decision: str, run_id: str) -> str:
    """What a reader of the registry wants to know of a version, in Markdown."""
    metrics = mlflow.get_run(run_id).data.metrics.items()
    table = "\n".join(f"| {name} | {value:.4g} |" for name, value in metrics)
# % if model.type == "anomaly"
    text = f"{USE_CASE}. Rows of `{DOMAIN}` with a score below 0 are anomalies, by {ALGORITHM}."
# % elif model.type == "classification"
    text = f"{USE_CASE}. Whether `{LABEL}` holds, by {ALGORITHM}, at {model.best_threshold_:.4g} or more."
# % else
    text = f"{USE_CASE}. The number `{LABEL}`, by {ALGORITHM}."
# % endif
    when = f"{datetime.now():%Y-%m-%d %H:%M}, commit {dbutils.widgets.get('git_commit') or 'not known'}"
# % if on_spark
    source = f"{data.rules['rows_train']} rows of {data.gold.name} and {data.features.name}, {when}"
# % else
    source = f"{len(data.train)} rows of {data.gold.name} and {data.features.name}, {when}"
# % endif
    return f"{text}\n\n{decision}.\n\nLearnt from {source}.\n\n| on the holdout | |\n|---|---|\n{table}"


def promote(registered_model: str, model: Pipeline, data: TrainingData, run_id: str) -> str:
    """Gives the run's version its alias, tags and description; returns the decision."""
    client, judged = mlflow.MlflowClient(), None
    versions = client.search_model_versions(f"name='{registered_model}'")
    new = next(str(found.version) for found in versions if found.run_id == run_id)
# % if model.type == "classification"
    tags = {"model_type": MODEL_TYPE, "threshold": str(model.best_threshold_)}  # scoring needs both
    for name, value in tags.items():
        client.set_model_version_tag(registered_model, new, name, value)
# % else
    client.set_model_version_tag(registered_model, new, "model_type", MODEL_TYPE)  # scoring needs it
# % endif
    while judged != (aliases := client.get_registered_model(registered_model).aliases):
        alias, reason = judge(registered_model, data, model, aliases)
        judged = aliases  # another training may have changed them meanwhile
    if alias:
        client.set_registered_model_alias(registered_model, alias, new)
    tags = {"promotion": alias or "none", "promotion_reason": reason[:1000]}
    for name, value in tags.items():
        client.set_model_version_tag(registered_model, new, name, value)
    mlflow.set_tags({**tags, "model_version": new})
    decision = f"Version {new} {f'became {alias}' if alias else 'got no alias'}: {reason}"
    client.update_model_version(registered_model, new, describe(model, data, decision, run_id))
    return decision


def main() -> str:
    """Trains, registers and promotes a version; returns the task's status."""
    catalog, gold_schema, feature_schema, project, model_name = get_parameters()
    gold_table = f"{catalog}.{gold_schema}.{DOMAIN}"
    registered_model = f"{catalog}.{feature_schema}.{model_name}"
    experiment_id = setup_mlflow_experiment(project, model_name)
    data = load_data(gold_table, f"{catalog}.{feature_schema}.{DOMAIN}_features")

    with mlflow.start_run(experiment_id=experiment_id, run_name=get_run_name(model_name, ALGORITHM)) as run:
        mlflow.set_tags(get_standard_tags(project, model_name, gold_table))
        log_training_dataset(data.gold)
        log_training_dataset(data.features)
# % if on_spark
        model = fit(data)
# % else
        model = fit(data.train)
# % endif
        predicted = predict(model, data.holdout)
# % if model.type == "anomaly"
        metrics = evaluate(predicted)
        mlflow.log_figure(plot(predicted), "holdout.png")
# % else
        metrics = evaluate(data.holdout[LABEL], predicted)
        mlflow.log_figure(plot(data.holdout[LABEL], predicted), "holdout.png")
# % endif
        mlflow.log_figure(plot_importance(model, data.holdout), "importance.png")
        model_id = log_model(model, data, registered_model)
        mlflow.log_metrics(metrics, model_id=model_id, dataset=data.gold)
        decision = promote(registered_model, model, data, run.info.run_id)
    print(", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    print(decision)
    return "SUCCESS"


# COMMAND ----------

try:
    status = main()
except Skipped as reason:
    status = f"SKIPPED: {reason}"
except Exception as error:
    traceback.print_exc()
    status = f"FAILED: {' '.join(str(error).split()) or repr(error)}"[:1000]

# COMMAND ----------

dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
