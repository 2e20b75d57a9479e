# Databricks notebook source
# MAGIC %md
# MAGIC # Score one model
# MAGIC
# MAGIC Every key of the gold table gets a prediction by the version that alias `champion` names, from its
# MAGIC row in the feature table. Predictions go to `{catalog}.{feature_schema}.{model}_predictions`; for
# MAGIC classification with the probability, for more than two classes with that of each too, for anomalies
# MAGIC with the score that they come from.
# MAGIC
# MAGIC Safe to run again: predictions are merged by key, so scoring twice is scoring once. A prediction that
# MAGIC has not changed is not written again, and keeps its `scored_at`.

# COMMAND ----------

import json
import logging
import re
import traceback

import mlflow
from databricks.feature_engineering import FeatureEngineeringClient
from mlflow.exceptions import MlflowException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

mlflow.set_registry_uri("databricks-uc")
# It warns that the model's own environment is not made again; the job's pins are the same.
logging.getLogger("mlflow.pyfunc").setLevel(logging.ERROR)

# COMMAND ----------

dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("domain", "", "Domain, which names the tables")
dbutils.widgets.text("model_name", "", "Name of the model, as registered")
dbutils.widgets.text("features_status", "", "How the refresh of the features ended; empty by hand")
catalog = dbutils.widgets.get("catalog")
gold_schema = dbutils.widgets.get("gold_schema")
feature_schema = dbutils.widgets.get("feature_schema")
domain = dbutils.widgets.get("domain")
model_name = dbutils.widgets.get("model_name")
features_status = dbutils.widgets.get("features_status")
spark = SparkSession.builder.getOrCreate()
gold_table = f"{catalog}.{gold_schema}.{domain}"
feature_table = f"{catalog}.{feature_schema}.{domain}_features"
registered_model = f"{catalog}.{feature_schema}.{model_name}"
predictions_table = f"{registered_model}_predictions"
key = f"{domain}_id"

# COMMAND ----------


class Skipped(Exception):
    """There is nothing to do, for a reason that is no failure."""


def check_key_type(*tables: str) -> None:
    """Refuses tables whose keys have different types."""
    types = {table: dict(spark.table(table).dtypes)[key] for table in tables}
    if len(set(types.values())) > 1:
        found = ", ".join(f"{kind} in {table}" for table, kind in types.items())
        raise ValueError(f"{key} is {found}; make it the same, or drop the table with the old type")


def champion_version() -> str:
    """The version that scores, resolved once, so that `model_version` in the predictions is true."""
    client = mlflow.MlflowClient()
    try:
        return str(client.get_model_version_by_alias(registered_model, "champion").version)
    except MlflowException as error:
        if not re.search(r"(?i)not.found|does.not.exist", str(error)):
            raise
    versions = mlflow.search_model_versions(filter_string=f"name='{registered_model}'")  # all pages
    if not versions:
        raise Skipped("no champion yet: no version was trained")
    newest = max(int(found.version) for found in versions)
    tags = client.get_model_version(registered_model, str(newest)).tags
    promotion, reason = tags.get("promotion", "not decided"), tags.get("promotion_reason", "it has no reason")
    raise Skipped(f"no champion yet: version {newest}, promotion {promotion}: {reason}")


def keys_to_score() -> DataFrame:
    """The gold table's keys that have features; says how many have none, and refuses duplicates."""
    with_features = spark.table(feature_table).select(key, F.lit(True).alias("known"))
    counts = spark.table(gold_table).groupBy(key).count().join(with_features, key, "left")
    is_null, is_known = F.col(key).isNull(), F.col("known").isNotNull()
    twice = F.when(~is_null & (F.col("count") > 1), F.col(key).cast("string"))
    found = counts.agg(
        F.count_if(is_known).alias("scored"),
        F.count_if(~is_null & ~is_known).alias("unknown"),
        F.sum(F.when(is_null, F.col("count"))).alias("nulls"),
        F.max(twice).alias("twice"),
    ).first()
    if found.twice is not None:
        raise ValueError(f"{gold_table}: {key} {found.twice} occurs more than once; make the key unique")
    print(f"{found.scored} keys to score, {found.unknown} without features, {found.nulls or 0} without key")
    if not found.scored:
        raise Skipped(f"no key of {gold_table} has features in {feature_table}")
    return counts.where(is_known).select(key)


# COMMAND ----------


def classes_of(tags: dict[str, str]) -> list[str]:
    """The classes of a version, in the order of its probabilities: JSON, in tags of 1,000 characters."""
    return json.loads("".join(tags[name] for name in sorted(tags) if name.startswith("classes_")))


def predict_keys(keys: DataFrame, version: str) -> DataFrame:
    """Each key's prediction, and the probability or score that it comes from, as the version's tags say."""
    tags = mlflow.MlflowClient().get_model_version(registered_model, version).tags
    model_type = tags.get("model_type", "")
    scored = FeatureEngineeringClient().score_batch(
        model_uri=f"models:/{registered_model}/{version}",
        df=keys,
        result_type="array<double>" if model_type in ("classification", "multiclass") else "double",
    )
    found = {"prediction": F.col("prediction")}
    if model_type == "classification":
        found["probability"] = F.element_at("prediction", 2)
        found["prediction"] = (found["probability"] >= float(tags["threshold"])).cast("double")
    elif model_type == "multiclass":
        classes, largest = F.array(*map(F.lit, classes_of(tags))), F.array_max("prediction")
        place = F.array_position("prediction", largest).cast("int")
        found["prediction"], found["probability"] = F.element_at(classes, place), largest
        found["probabilities"] = F.map_from_arrays(classes, "prediction")
    elif model_type == "anomaly":
        found["score"] = F.col("prediction")
        found["prediction"] = F.when(found["score"] < 0, -1.0).otherwise(1.0)
    return scored.select(key, *(column.alias(name) for name, column in found.items()))


def score() -> str:
    if features_status.startswith("FAILED"):
        raise ValueError(f"the features of {domain} were not refreshed, {features_status}")
    version = champion_version()
    check_key_type(gold_table, feature_table)
    keys = keys_to_score()
    predictions = predict_keys(keys, version).withColumns(
        {"model_version": F.lit(int(version)).cast("bigint"), "scored_at": F.current_timestamp()}
    )
    types = {name: kind.upper() for name, kind in predictions.dtypes if name != key}
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {predictions_table} ("
        f"{key} {keys.schema[key].dataType.simpleString()} NOT NULL, "
        f"{', '.join(f'{name} {kind}' for name, kind in types.items())}, "
        f"CONSTRAINT {model_name}_predictions_pk PRIMARY KEY ({key}))"
    )
    check_key_type(gold_table, predictions_table)
    existing = dict(spark.table(predictions_table).dtypes)
    if (kind := existing["prediction"]) != (ours := dict(predictions.dtypes)["prediction"]):
        problem = f"{predictions_table} has predictions as {kind}, and version {version} gives {ours}"
        raise ValueError(f"{problem}; drop the table, and the next run makes it again")
    if added := ", ".join(f"{name} {kind}" for name, kind in types.items() if name not in existing):
        spark.sql(f"ALTER TABLE {predictions_table} ADD COLUMNS ({added})")
    beside = {"probability", "probabilities", "score"}
    for name in beside & set(existing) - set(types):  # an earlier version gives none of these
        predictions = predictions.withColumn(name, F.lit(None).cast(existing[name]))
    compared = [name for name in predictions.columns if name not in ("scored_at", "probabilities")]
    is_written = " AND ".join(f"w.{name} <=> p.{name}" for name in compared)
    if "probabilities" in predictions.columns:  # Spark compares no maps
        is_written += " AND map_entries(w.probabilities) <=> map_entries(p.probabilities)"
    spark.sql(
        f"MERGE INTO {predictions_table} t USING ("
        f"SELECT p.* FROM {{predictions}} p LEFT ANTI JOIN {predictions_table} w ON {is_written}"
        f") s ON t.{key} = s.{key} "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        predictions=predictions,
    )
    print(f"{predictions_table} is up to date with version {version}")
    worth = mlflow.MlflowClient().get_model_version(registered_model, version).tags.get("worth", "")
    # Training says at each run what the champion is worth; of one with poor probabilities more follows.
    if worth and not worth.startswith("is better than the baseline:"):
        return f"SUCCESS: champion {version} {worth}"
    return "SUCCESS"


# COMMAND ----------

try:
    status = score()
except Skipped as reason:
    status = f"SKIPPED: {reason}"
except Exception as error:
    traceback.print_exc()
    reason = " ".join(str(error).split()) or repr(error)
    if "Unable to find feature" in reason:
        reason = f"train first, as {feature_table} has lost a feature of the champion: {reason}"
    if "TABLE_OR_VIEW_NOT_FOUND" in reason:
        reason = f"run the task features_{domain} first: {reason}"
    status = f"FAILED: {reason}"[:1000]

# COMMAND ----------

dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
