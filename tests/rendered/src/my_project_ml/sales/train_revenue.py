# Databricks notebook source
# MAGIC %md
# MAGIC # Train revenue
# MAGIC
# MAGIC Learns the number `revenue` from the feature table `sales_features`.
# MAGIC
# MAGIC The model is registered as `{catalog}.{feature_schema}.revenue`. The new version becomes
# MAGIC `champion`, the one that scores, if it is the first or beats the champion on the same holdout;
# MAGIC else it becomes `challenger`.
# MAGIC
# MAGIC Safe to run again: each run adds a run and a model version, and changes nothing else.

# COMMAND ----------

import traceback
from datetime import datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import NamedTuple

import mlflow
import pandas as pd
import sklearn.metrics
from databricks.feature_engineering import FeatureEngineeringClient, FeatureLookup
from databricks.feature_engineering.training_set import TrainingSet
from matplotlib.figure import Figure
from mlflow.data.spark_dataset import SparkDataset
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, DataType, Schema
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.base import BaseEstimator

mlflow.set_registry_uri("databricks-uc")
mlflow.autolog(disable=True)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Parameters
# MAGIC
# MAGIC The job gives them. Fill them in above when you open this notebook by hand.

# COMMAND ----------

dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("project", "", "Project, which names the experiment")
dbutils.widgets.text("model_name", "", "Name of the model, as registered")
dbutils.widgets.text("features_status", "", "How the refresh of the features ended; empty by hand")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Yours to change

# COMMAND ----------

DOMAIN = "sales"
KEY = "sales_id"  # the primary key of the feature table
LABEL = "revenue"  # a column of the gold table
USE_CASE = "sales: revenue"
HOLDOUT_SHARE = 0.2
MIN_ROWS = 50  # fewer rows to learn from end as SKIPPED
COMPARED_BY, LOWER_IS_BETTER = "rmse", True

# COMMAND ----------

# The algorithm, its MLflow flavor with further arguments, and the packages that the model needs to predict.
MODEL_TYPE = "regression"
ALGORITHM = "xgboost"
FLAVOR, FLAVOR_OPTIONS = mlflow.xgboost, {}
PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn", "xgboost"]


def new_model() -> BaseEstimator:
    from xgboost import XGBRegressor

    return XGBRegressor(n_estimators=200, max_depth=4, learning_rate=0.05, random_state=42)


# COMMAND ----------


def evaluate(model: BaseEstimator, holdout: pd.DataFrame) -> dict[str, float]:
    """RMSE and MAE in the label's unit, and R²."""
    truth, predicted = holdout[LABEL], model.predict(holdout[list(model.feature_names_in_)])
    return {
        "rmse": float(sklearn.metrics.root_mean_squared_error(truth, predicted)),
        "mae": float(sklearn.metrics.mean_absolute_error(truth, predicted)),
        "r2": float(sklearn.metrics.r2_score(truth, predicted)),
    }


def plot(model: BaseEstimator, holdout: pd.DataFrame) -> Figure:
    """Predicted against actual values of the holdout."""
    predicted = model.predict(holdout[list(model.feature_names_in_)])
    shown = sklearn.metrics.PredictionErrorDisplay.from_predictions(
        holdout[LABEL], predicted, kind="actual_vs_predicted"
    )
    shown.ax_.set_title(f"{LABEL}: holdout of {len(holdout)} rows")
    return shown.figure_


# COMMAND ----------

# MAGIC %md
# MAGIC ## Rows: what is learnt from, and what is held out
# MAGIC
# MAGIC The newest rows by `observed_at` are held out; without that column, a fixed share by a hash of the
# MAGIC key. Either way a row that is held out today was never trained on by yesterday's champion.

# COMMAND ----------


class Skipped(Exception):
    """There is nothing to train, for a reason that is no failure."""


def read_table(spark: SparkSession, table: str) -> SparkDataset:
    """A table's rows as of its newest Delta version; those of a view or another format as they are."""
    try:
        newest = spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").first()
    except Exception:
        return mlflow.data.from_spark(spark.table(table), table_name=table, name=table)
    return mlflow.data.load_delta(table_name=table, version=str(newest.version))


def read_rows(gold: DataFrame) -> DataFrame:
    """Key, label as a double, and observed_at where there is one; rows without a label are left out."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    label = F.col(LABEL).cast("double")
    time = [name for name in gold.columns if name == "observed_at"]
    rows = gold.select(KEY, *time, label.alias(LABEL))
    return rows.where(F.abs(LABEL) < float("inf"))  # NULL, NaN and infinities are no labels


def split_holdout(rows: DataFrame) -> tuple[DataFrame, DataFrame, str]:
    """Rows to learn from, rows held out, and the rule that parts them."""
    if "observed_at" in rows.columns:
        share = F.percentile_approx(F.col("observed_at").cast("timestamp"), 1 - HOLDOUT_SHARE)
        cutoff = rows.agg(share.cast("string").alias("cutoff")).first().cutoff
        rule = f"observed_at >= '{cutoff}'"
        is_held_out = F.col("observed_at").cast("timestamp") >= F.lit(cutoff).cast("timestamp")
        rows = rows.where(F.col("observed_at").isNotNull())
    else:
        rule = f"pmod(xxhash64({KEY}), 100) < {round(100 * HOLDOUT_SHARE)}"
        is_held_out = F.expr(rule)
    return rows.where(~is_held_out).drop("observed_at"), rows.where(is_held_out).drop("observed_at"), rule


def create_training_set(rows: DataFrame, feature_table: str) -> TrainingSet:
    """The rows with every feature of the table, looked up by its primary key, which is no feature."""
    return FeatureEngineeringClient().create_training_set(
        df=rows,
        feature_lookups=[FeatureLookup(table_name=feature_table, lookup_key=KEY)],
        label=LABEL,
        exclude_columns=[KEY],
    )


def check_rows(train: pd.DataFrame, holdout: pd.DataFrame) -> None:
    """Raises Skipped where there is too little to learn from, or to judge by."""
    if len(train) < MIN_ROWS or holdout.empty:
        raise Skipped(f"{len(train)} rows to learn from, {len(holdout)} held out; {MIN_ROWS} and 1 needed")


class TrainingData(NamedTuple):
    """What a training reads: two tables, as MLflow logs them, and their rows."""

    gold: SparkDataset
    features: SparkDataset
    training_set: TrainingSet
    train: pd.DataFrame
    holdout: pd.DataFrame
    holdout_rule: str


def load_data(gold_table: str, feature_table: str) -> TrainingData:
    """The rows to learn from and those held out, each with its features."""
    spark = SparkSession.builder.getOrCreate()
    gold, features = read_table(spark, gold_table), read_table(spark, feature_table)
    train_rows, holdout_rows, holdout_rule = split_holdout(read_rows(gold.df))
    training_set = create_training_set(train_rows, feature_table)
    train = training_set.load_df().toPandas().dropna()  # NaN stands where a key has no features
    holdout = holdout_rows.join(features.df, KEY).drop(KEY).toPandas()
    check_rows(train, holdout)
    return TrainingData(gold, features, training_set, train, holdout, holdout_rule)


# COMMAND ----------

# MAGIC %md
# MAGIC ## Helpers
# MAGIC
# MAGIC The same in every training notebook: a notebook of a bundle cannot count on importing from its
# MAGIC neighbours.

# COMMAND ----------


def get_parameters() -> tuple[str, str, str, str, str]:
    """The job's parameters: catalog, gold_schema, feature_schema, project, model_name."""
    catalog = dbutils.widgets.get("catalog")
    gold_schema = dbutils.widgets.get("gold_schema")
    feature_schema = dbutils.widgets.get("feature_schema")
    project = dbutils.widgets.get("project")
    model_name = dbutils.widgets.get("model_name")
    given = catalog, gold_schema, feature_schema, project, model_name
    if not all(given):
        raise ValueError("a parameter is empty; fill in the widgets above, or give it in the job's YAML")
    print(f"{model_name}: gold {catalog}.{gold_schema}, features {catalog}.{feature_schema}")
    return given


def check_features_status() -> None:
    """Raises where the refresh of the domain's features failed: they are not the gold table's of today."""
    features_status = dbutils.widgets.get("features_status")
    if features_status.startswith("FAILED"):
        raise ValueError(f"the features of {DOMAIN} were not refreshed, {features_status}")


def setup_mlflow_experiment(project: str, model_name: str) -> str:
    """The id of experiment /Shared/{project}_ml_{model_name}; raises where it cannot be used."""
    experiment = mlflow.set_experiment(f"/Shared/{project}_ml_{model_name}")
    print(f"Experiment {experiment.name}, id {experiment.experiment_id}")
    return experiment.experiment_id


def get_run_name(model_name: str, algorithm: str, version: str = "v1") -> str:
    """For example churn_xgboost_v1_20260131_093000."""
    return f"{model_name}_{algorithm}_{version}_{datetime.now():%Y%m%d_%H%M%S}"


def get_pins() -> list[str]:
    """PACKAGES with the versions installed here; xgboost may also be installed as xgboost-cpu."""
    pins = []
    for package in PACKAGES:
        try:
            pins.append(f"{package}=={installed_version(package)}")
        except PackageNotFoundError:
            pins.append(f"{package}-cpu=={installed_version(f'{package}-cpu')}")
    return pins


def get_standard_tags(
    project: str,
    domain: str,
    model_name: str,
    model_type: str,
    algorithm: str,
    use_case: str,
    training_table: str,
) -> dict[str, str]:
    """The tags that every run carries."""
    return {
        "project": project,
        "domain": domain,
        "model_name": model_name,
        "model_type": model_type,
        "algorithm": algorithm,
        "layer": "ml",
        "team": "data_science",
        "use_case": use_case,
        "feature_store_enabled": "true",
        "training_data": training_table,
    }


def log_training_dataset(dataset: SparkDataset) -> None:
    """Logs a table as input of the active run, with the Delta version that was read."""
    if getattr(dataset.source, "delta_table_version", None) is None:
        short_name = dataset.name.split(".")[-1]
        mlflow.set_tag(f"no_delta_version.{short_name}", "read as it was at the time of the run")
    mlflow.log_input(dataset, context="training")
    print(f"Dataset {dataset.name}")


# COMMAND ----------

# MAGIC %md
# MAGIC ## Training
# MAGIC
# MAGIC After a failure, call these one by one from a new cell, for example `data = load_data(...)`, then
# MAGIC `model = fit(data.train)`.

# COMMAND ----------


def fit(train: pd.DataFrame) -> BaseEstimator:
    """A new model, fitted to the rows to learn from."""
    return new_model().fit(train.drop(columns=LABEL), train[LABEL])


def log_model(model: BaseEstimator, data: TrainingData, registered_model: str) -> ModelInfo:
    """Logs the model with its parameters and picture to the active run, and registers a version."""
    mlflow.log_params(
        {
            **model.get_params(),
            "holdout": data.holdout_rule,
            "rows_train": len(data.train),
            "rows_holdout": len(data.holdout),
            "features": len(model.feature_names_in_),
        }
    )
    mlflow.log_figure(plot(model, data.holdout), "holdout.png")
    logged = FeatureEngineeringClient().log_model(
        model=model,
        artifact_path="model",
        flavor=FLAVOR,
        training_set=data.training_set,
        registered_model_name=registered_model,
        infer_input_example=True,
        output_schema=Schema([ColSpec(DataType.double)]),
        pip_requirements=get_pins(),
        **FLAVOR_OPTIONS,
    )
    if logged.signature is None or logged.saved_input_example_info is None:
        raise ValueError("the model was logged without signature or input example; see the log above")
    return logged


def promote(registered_model: str, run_id: str, metrics: dict[str, float], holdout: pd.DataFrame) -> str:
    """Names the run's version champion or challenger; returns which, and why. Logs the comparison."""
    client = mlflow.MlflowClient()
    versions = client.search_model_versions(f"name='{registered_model}'")
    new = next(str(found.version) for found in versions if found.run_id == run_id)
    champion = client.get_registered_model(registered_model).aliases.get("champion")
    if champion is None:
        alias, reason = "champion", "the first version"
    else:
        raw_model = f"models:/{registered_model}/{champion}/data/feature_store/raw_model"
        model = mlflow.pyfunc.load_model(raw_model).get_raw_model()
        missing = sorted(set(model.feature_names_in_) - set(holdout.columns))
        if missing:
            alias, reason = "champion", f"version {champion} needs {', '.join(missing)}, features no longer"
        else:
            theirs = evaluate(model, holdout)
            mlflow.log_metrics({f"champion_{name}": value for name, value in theirs.items()})
            ours, best = metrics[COMPARED_BY], theirs[COMPARED_BY]
            alias = "champion" if (ours < best if LOWER_IS_BETTER else ours > best) else "challenger"
            reason = f"{COMPARED_BY} {ours:.6g}, version {champion} has {best:.6g} on the same holdout"
    client.set_registered_model_alias(registered_model, alias, new)
    mlflow.set_tags({"promotion": alias, "promotion_reason": reason, "model_version": new})
    return f"version {new} is {alias}: {reason}"


def main() -> str:
    """Trains, registers and promotes a version; returns the task's status."""
    catalog, gold_schema, feature_schema, project, model_name = get_parameters()
    check_features_status()
    gold_table = f"{catalog}.{gold_schema}.{DOMAIN}"
    registered_model = f"{catalog}.{feature_schema}.{model_name}"
    experiment_id = setup_mlflow_experiment(project, model_name)
    data = load_data(gold_table, f"{catalog}.{feature_schema}.{DOMAIN}_features")

    run_name = get_run_name(model_name, ALGORITHM)
    with mlflow.start_run(experiment_id=experiment_id, run_name=run_name) as run:
        mlflow.set_tags(
            get_standard_tags(project, DOMAIN, model_name, MODEL_TYPE, ALGORITHM, USE_CASE, gold_table)
        )
        log_training_dataset(data.gold)
        log_training_dataset(data.features)
        model = fit(data.train)
        metrics = evaluate(model, data.holdout)
        logged = log_model(model, data, registered_model)
        mlflow.log_metrics(metrics, model_id=logged.model_id, dataset=data.gold)
        promotion = promote(registered_model, run.info.run_id, metrics, data.holdout)
    print(", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    print(promotion)
    return "SUCCESS"


# COMMAND ----------

try:
    status = main()
except Skipped as reason:
    status = f"SKIPPED: {reason}"
except Exception as error:
    traceback.print_exc()
    status = f"FAILED: {' '.join(str(error).split())}"[:1000]

# COMMAND ----------

dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
