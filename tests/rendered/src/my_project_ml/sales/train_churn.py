# Databricks notebook source
# MAGIC %md
# MAGIC # Train churn
# MAGIC
# MAGIC Learns whether `churn` holds, from the feature table `sales_features`. A
# MAGIC prediction is 1 or 0.
# MAGIC
# MAGIC The model is registered as `{catalog}.{feature_schema}.churn`. The new version becomes
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
import numpy as np
import pandas as pd
import sklearn.metrics
from databricks.feature_engineering import FeatureEngineeringClient, FeatureLookup
from databricks.feature_engineering.training_set import TrainingSet
from matplotlib.figure import Figure
from mlflow.data.spark_dataset import SparkDataset
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, DataType, Schema
from pandas.api.types import is_numeric_dtype
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

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
LABEL = "churn"  # a column of the gold table
POSITIVE = None  # the label's positive values, as ["churned"]; else the larger number, or "yes" and alike
USE_CASE = "sales: churn"
HOLDOUT_SHARE = 0.2
MIN_ROWS = 50  # fewer rows to learn from end as SKIPPED
MAX_ROWS = 1_000_000  # of more rows, about as many are used: a fixed sample of the keys
COMPARED_BY, LOWER_IS_BETTER = "roc_auc", False

# COMMAND ----------

# The algorithm, and the packages that the model needs to predict.
MODEL_TYPE = "classification"
ALGORITHM = "gradient_boosting"
PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn"]


def text_columns(features: pd.DataFrame) -> list[str]:
    """The features that are text; all others are numbers."""
    return [name for name in features if not is_numeric_dtype(features[name])]


def encode_text(features: pd.DataFrame) -> ColumnTransformer:
    """Text as categories, of which the rare are one, then the numbers; a new text counts as missing."""
    encode = make_pipeline(
        FunctionTransformer(pd.DataFrame.where, kw_args={"cond": pd.notna}),  # makes None NaN
        OrdinalEncoder(
            min_frequency=10,
            max_categories=200,
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
            dtype=np.float32,
        ),
    )
    return ColumnTransformer([("text", encode, text_columns(features))], remainder="passthrough")


def new_model(features: pd.DataFrame) -> Pipeline:
    """A model for these features, not fitted yet."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=200,
        learning_rate=0.05,
        categorical_features=list(range(len(text_columns(features)))),
        random_state=42,
    )
    return Pipeline([("encode", encode_text(features)), ("model", model)])


# COMMAND ----------


def evaluate(model: Pipeline, holdout: pd.DataFrame) -> dict[str, float]:
    """ROC AUC, F1, precision and recall, of 0 to 1, and log loss."""
    features, truth = holdout[list(model.feature_names_in_)], holdout[LABEL]
    predicted, probability = model.predict(features), model.predict_proba(features)[:, 1]
    return {
        "roc_auc": float(sklearn.metrics.roc_auc_score(truth, probability)),
        "f1": float(sklearn.metrics.f1_score(truth, predicted)),
        "precision": float(sklearn.metrics.precision_score(truth, predicted, zero_division=0)),
        "recall": float(sklearn.metrics.recall_score(truth, predicted)),
        "log_loss": float(sklearn.metrics.log_loss(truth, probability)),
    }


def plot(model: Pipeline, holdout: pd.DataFrame) -> Figure:
    """The ROC curve of the holdout."""
    probability = model.predict_proba(holdout[list(model.feature_names_in_)])[:, 1]
    shown = sklearn.metrics.RocCurveDisplay.from_predictions(
        holdout[LABEL], probability, name=LABEL, plot_chance_level=True
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
    """A table's rows as of its newest Delta version; as they are where it has none that can be read.

    Views and other formats have no version, tables with a row filter or column mask no time travel.
    """
    try:
        newest = spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").first()
        dataset = mlflow.data.load_delta(table_name=table, version=str(newest.version))
        _ = dataset.df.schema  # Spark says here if it cannot be read
    except Exception:
        dataset = mlflow.data.from_spark(spark.table(table), table_name=table, name=table)
    return dataset


def binary_label(gold: DataFrame) -> Column:
    """1 or 0, by POSITIVE, or where the label has two values; NULL where it has none."""
    is_text = isinstance(gold.schema[LABEL].dataType, StringType)
    if is_text:
        value = F.lower(F.trim(LABEL))
    else:
        number = F.col(LABEL).cast("double")
        value = F.when(F.abs(number) < float("inf"), number)
    some = gold.select(value.alias("value")).dropna().distinct().orderBy("value").limit(10).collect()
    found = [row.value for row in some]
    if POSITIVE is not None:
        positive = [str(one).strip().lower() if is_text else float(one) for one in POSITIVE]
    elif is_text:
        positive = [text for text in found if text in ("1", "true", "t", "yes", "y", "positive")]
    else:
        positive = found[1:]
    if POSITIVE is None and len(found) > 1 and (len(found) > 2 or len(positive) != 1):
        values = ", ".join(map(str, found))
        raise ValueError(f"label {LABEL} has the values {values}; write into POSITIVE which are positive")
    return value.isin(positive).cast("double")


def read_rows(gold: DataFrame) -> DataFrame:
    """Key, label as a double, and observed_at where there is one; rows without a label are left out."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    columns = [F.col(KEY), binary_label(gold).alias(LABEL)]
    if "observed_at" in map(str.lower, gold.columns):
        columns.append(F.col("observed_at").cast("timestamp").alias("observed_at"))
    return gold.select(columns).where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels


def sample_keys(rows: DataFrame) -> tuple[DataFrame, str]:
    """All rows, or of more than MAX_ROWS those of a fixed sample of the keys, and the rule that takes it."""
    count = rows.count()
    if count <= MAX_ROWS:
        return rows, "all rows"
    rule = f"pmod(xxhash64({KEY}, 'sample'), 10000) < {10000 * MAX_ROWS // count}"
    print(f"{count} rows are more than MAX_ROWS, so those with {rule} are used")
    return rows.where(rule), rule


def split_holdout(rows: DataFrame) -> tuple[DataFrame, DataFrame, str]:
    """Rows to learn from, rows held out, and the rule that parts them."""
    if "observed_at" in rows.columns:
        newest = F.percentile_approx("observed_at", 1 - HOLDOUT_SHARE).cast("string")
        rule = f"observed_at >= '{rows.agg(newest.alias('cutoff')).first().cutoff}'"
        rows = rows.where(F.col("observed_at").isNotNull())
    else:
        rule = f"pmod(xxhash64({KEY}), 100) < {round(100 * HOLDOUT_SHARE)}"
    return rows.where(~F.expr(rule)).drop("observed_at"), rows.where(rule).drop("observed_at"), rule


def create_training_set(rows: DataFrame, feature_table: str) -> TrainingSet:
    """The rows with every feature of the table, looked up by its primary key, which is no feature."""
    return FeatureEngineeringClient().create_training_set(
        df=rows,
        feature_lookups=[FeatureLookup(table_name=feature_table, lookup_key=KEY)],
        label=LABEL,
        exclude_columns=[KEY],
    )


def collect(frame: DataFrame) -> pd.DataFrame:
    """The rows that have features, in memory; numbers as 32-bit floats, which take half of it."""
    numbers = [name for name, kind in frame.dtypes if kind == "double" and name != LABEL]
    rows = frame.withColumns({name: F.col(f"`{name}`").cast("float") for name in numbers}).toPandas()
    return rows.dropna(how="all", subset=[name for name in rows if name != LABEL])


def check_rows(train: pd.DataFrame, holdout: pd.DataFrame) -> None:
    """Raises Skipped where there is too little to learn from, or to judge by."""
    for name, frame in (("rows to learn from", train), ("holdout", holdout)):
        if frame[LABEL].nunique() == 1:
            raise Skipped(f"the {name} have a single class in label {LABEL}")
    if len(train) < MIN_ROWS or holdout.empty:
        raise Skipped(f"{len(train)} rows to learn from, {len(holdout)} held out; {MIN_ROWS} and 1 needed")


class TrainingData(NamedTuple):
    """What a training reads: two tables, as MLflow logs them, and their rows."""

    gold: SparkDataset
    features: SparkDataset
    training_set: TrainingSet
    train: pd.DataFrame
    holdout: pd.DataFrame
    sample_rule: str
    holdout_rule: str


def load_data(gold_table: str, feature_table: str) -> TrainingData:
    """The rows to learn from and those held out, each with its features."""
    spark = SparkSession.builder.getOrCreate()
    gold, features = read_table(spark, gold_table), read_table(spark, feature_table)
    rows, sample_rule = sample_keys(read_rows(gold.df))
    train_rows, holdout_rows, holdout_rule = split_holdout(rows)
    training_set = create_training_set(train_rows, feature_table)
    train = collect(training_set.load_df())
    holdout = collect(holdout_rows.join(features.df, KEY).drop(KEY))
    check_rows(train, holdout)
    return TrainingData(gold, features, training_set, train, holdout, sample_rule, holdout_rule)


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


def fit(train: pd.DataFrame) -> Pipeline:
    """A new model, fitted to the rows to learn from."""
    features = train.drop(columns=LABEL)
    return new_model(features).fit(features, train[LABEL])


def log_model(model: Pipeline, data: TrainingData, registered_model: str) -> ModelInfo:
    """Logs the model with its parameters and picture to the active run, and registers a version."""
    mlflow.log_params(
        {
            **model[-1].get_params(),
            "rows": data.sample_rule,
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
        flavor=mlflow.sklearn,
        training_set=data.training_set,
        registered_model_name=registered_model,
        infer_input_example=True,
        output_schema=Schema([ColSpec(DataType.long)]),
        pip_requirements=get_pins(),
        serialization_format="cloudpickle",
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
            try:
                theirs = evaluate(model, holdout)
            except Exception as error:  # of an earlier template, say, which takes no missing values
                theirs, problem = {}, f"{type(error).__name__}: {error}".splitlines()[0]
            mlflow.log_metrics({f"champion_{name}": value for name, value in theirs.items()})
            ours, best = metrics[COMPARED_BY], theirs.get(COMPARED_BY)
            if best is None:
                alias, reason = "champion", f"version {champion} cannot predict these rows, {problem}"
            else:
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
