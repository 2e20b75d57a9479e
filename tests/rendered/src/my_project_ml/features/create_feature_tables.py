# Databricks notebook source
# MAGIC %md
# MAGIC # Feature table of one domain
# MAGIC
# MAGIC Reads the gold table `{catalog}.{gold_schema}.{domain}` and writes
# MAGIC `{catalog}.{feature_schema}.{domain}_features`: one row per `{domain}_id`, its primary key. Every
# MAGIC numeric column that is neither the key nor a label is a feature, as a double.
# MAGIC
# MAGIC Safe to run again: rows are merged by key.

# COMMAND ----------

import traceback

from databricks.feature_engineering import FeatureEngineeringClient
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, NumericType

# COMMAND ----------

# MAGIC %md
# MAGIC Yours to change: what stands for a value that is missing, not a number or infinite, and columns
# MAGIC that are not to be features although they are numeric.

# COMMAND ----------

MISSING = 0.0
NOT_FEATURES = ["observed_at"]

# COMMAND ----------

dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("domain", "", "Domain, which names the tables")
dbutils.widgets.text("labels", "", "Label columns, separated by commas")

catalog = dbutils.widgets.get("catalog")
gold_schema = dbutils.widgets.get("gold_schema")
feature_schema = dbutils.widgets.get("feature_schema")
domain = dbutils.widgets.get("domain")
labels = [label.split(":")[0].strip() for label in dbutils.widgets.get("labels").split(",") if label.strip()]

spark = SparkSession.builder.getOrCreate()
gold_table = f"{catalog}.{gold_schema}.{domain}"
feature_table = f"{catalog}.{feature_schema}.{domain}_features"
key = f"{domain}_id"

# COMMAND ----------


def feature_names(gold: DataFrame) -> list[str]:
    """The numeric columns that are neither key nor label; a label that is not there could be leaking."""
    missing = [name for name in [key, *labels] if name not in gold.columns]
    if missing:
        raise ValueError(f"{gold_table} has no column {', '.join(missing)}; correct it, or ml_labels.yml")
    numeric = [f.name for f in gold.schema if isinstance(f.dataType, NumericType | BooleanType)]
    names = [name for name in numeric if name not in [key, *labels, *NOT_FEATURES]]
    if not names:
        raise ValueError(f"{gold_table} has no numeric column left to be a feature")
    left_out = [name for name in gold.columns if name not in [key, *labels, *NOT_FEATURES, *names]]
    print(f"{len(names)} features; not numeric, so left out: {', '.join(left_out) or 'none'}")
    return names


def clean(name: str) -> Column:
    """A column as a double without NULL, NaN or infinities."""
    value = F.col(f"`{name}`").cast("double")
    finite = value.isNotNull() & ~F.isnan(value) & (F.abs(value) != F.lit(float("inf")))
    return F.when(finite, value).otherwise(F.lit(MISSING)).alias(name)


def check_keys(gold: DataFrame) -> None:
    """Counts rows without a key; refuses a key that occurs twice, naming one."""
    counts = gold.groupBy(F.col(key).alias("key")).count()
    twice = F.when(F.col("key").isNotNull() & (F.col("count") > 1), F.col("key").cast("string"))
    found = counts.agg(
        F.sum(F.when(F.col("key").isNull(), F.col("count"))).alias("nulls"),
        F.max(twice).alias("twice"),
    ).first()
    print(f"{found.nulls or 0} rows without {key} left out")
    if found.twice is not None:
        raise ValueError(f"{gold_table}: {key} {found.twice} occurs more than once; make the key unique")


def check_columns(names: list[str]) -> None:
    """Refuses what was a feature once: a label by now, or gone from gold and so NULL in new rows."""
    former = [name for name in spark.table(feature_table).columns if name not in [key, *names]]
    if former:
        raise ValueError(
            f"{feature_table} has {', '.join(former)}, which {gold_table} has as a feature no longer; "
            "drop the feature table, and the next run makes it again"
        )


# COMMAND ----------


def create_feature_table() -> str:
    gold = spark.table(gold_table)
    names = feature_names(gold)
    check_keys(gold)
    rows = gold.where(F.col(key).isNotNull()).select(key, *[clean(name) for name in names])
    columns = ", ".join(f"`{name}` DOUBLE" for name in names)
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {feature_table} ("
        f"{key} {rows.schema[key].dataType.simpleString()} NOT NULL, {columns}, "
        f"CONSTRAINT {domain}_features_pk PRIMARY KEY ({key}))"
    )
    check_columns(names)
    FeatureEngineeringClient().write_table(name=feature_table, df=rows, mode="merge")
    print(f"{feature_table} is up to date")
    return "SUCCESS"


# COMMAND ----------

try:
    status = create_feature_table()
except Exception as error:
    traceback.print_exc()
    status = f"FAILED: {' '.join(str(error).split())}"[:1000]

# COMMAND ----------

dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
