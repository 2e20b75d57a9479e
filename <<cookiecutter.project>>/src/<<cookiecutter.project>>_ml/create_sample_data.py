# Databricks notebook source
# % set history = cookiecutter.history_domains | parse_names
# MAGIC %md
# MAGIC # Sample gold table of one domain
# MAGIC
# MAGIC Made data, so that every model trains on the first day: 1,000 customers with numbers, text, a time
# MAGIC and missing values, as real tables have them. Nothing here was measured. The labels follow from the
# MAGIC columns and chance. The seed is fixed, so each run makes the same rows.
# % if history
# MAGIC A domain with history has 150 customers, each once a month for a year.
# % endif
# MAGIC
# MAGIC Safe to run again: a table that exists is kept as it is; a label column that its sample lacks is
# MAGIC added. A table of your own is left alone.

# COMMAND ----------

import traceback

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

# COMMAND ----------

dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("domain", "", "Domain, which names the tables")
dbutils.widgets.text("labels", "", "Label columns, each as name:type, or as name:type:positive/negative")
# % if history
dbutils.widgets.text("history", "", "true if the domain has several rows per key")
# % endif

catalog = dbutils.widgets.get("catalog")
gold_schema = dbutils.widgets.get("gold_schema")
feature_schema = dbutils.widgets.get("feature_schema")
domain = dbutils.widgets.get("domain")
labels = {}  # each with the type of its model, and its values where ml_labels.yml says them
for label in filter(str.strip, dbutils.widgets.get("labels").split(",")):
    name, *model = label.strip().split(":")
    labels[name] = model

spark = SparkSession.builder.getOrCreate()
gold_table = f"{catalog}.{gold_schema}.{domain}"
key = f"{domain}_id"

# COMMAND ----------


def keys_and_times() -> pd.DataFrame:
# % if history
    """Customers seen once, an hour apart; with history, each at the start of twelve months."""
    if dbutils.widgets.get("history") == "true":
        months = pd.date_range("2025-01-01", periods=12, freq="MS", tz="UTC")
        return pd.DataFrame({key: np.tile(range(1, 151), 12), "observed_at": np.repeat(months, 150)})
# % else
    """Customers seen once, an hour apart."""
# % endif
    hours = pd.date_range("2025-01-01", periods=1000, freq="h", tz="UTC")
    return pd.DataFrame({key: range(1, 1001), "observed_at": hours})


def sample_rows() -> pd.DataFrame:
    """One row per customer and time: key, observed_at, features, one column per label."""
    rows = keys_and_times()
    chance, count = np.random.default_rng([2026, *domain.encode()]), len(rows)
    rows["customer_code"] = [f"C-{code:06}" for code in chance.integers(0, 1_000_000, count)]
    rows["region"] = chance.choice(["north", "south", "east", "west"], count, p=[0.4, 0.3, 0.2, 0.1])
    rows["plan"] = chance.choice(["basic", "plus", "premium"], count, p=[0.5, 0.3, 0.2])
    rows["age"] = chance.integers(18, 90, count).astype(float)
    rows["days_as_customer"] = chance.integers(1, 3000, count)
    rows["support_calls"] = chance.poisson(1.5, count)
    rows["monthly_spend"] = chance.lognormal(3.5, 0.6, count).round(2)
    rows["is_business"] = chance.random(count) < 0.3
    rows.loc[chance.random(count) < 0.02, "monthly_spend"] *= 20  # what an anomaly model should find

    value = rows["plan"].map({"basic": 0, "plus": 1, "premium": 3}) + np.log(rows["monthly_spend"])
    risk = rows["support_calls"] - value + rows["region"].map({"north": 0, "south": 0, "east": 1, "west": 3})
    for name, (model_type, *values) in labels.items():
        chance = np.random.default_rng([2026, *name.encode()])
        if model_type == "regression":
            rows[name] = (100 * value + chance.normal(0, 60, count)).round(2)
        elif model_type == "multiclass":
            texts = values[0].split("/") if values else ["low", "medium", "high"]
            groups = pd.qcut(risk + chance.logistic(0, 0.7, count), len(texts), labels=False)
            rows[name] = [texts[group] for group in groups]
        else:
            rows[name] = (risk + chance.logistic(0, 0.7, count) > 0).astype("int64")
            if values:
                positive, _, negative = values[0].partition("/")
                rows[name] = rows[name].map({1: positive, 0: negative or "other"})
    for name in ("plan", "age", "monthly_spend", "is_business"):
        rows[name] = rows[name].astype(object).mask(chance.random(count) < 0.05, None)
    return rows.astype({"age": float, "monthly_spend": float})


# COMMAND ----------


def is_sample() -> bool:
    """Whether the gold table that exists was made here."""
    properties = spark.sql(f"SHOW TBLPROPERTIES {gold_table}").collect()
    return any(row["key"] == "sample_data" for row in properties)


def add_missing_labels(rows: pd.DataFrame) -> str:
    """Adds label columns that the sample table was made without."""
    missing = [name for name in labels if name not in spark.table(gold_table).columns]
    if not missing:
        return "kept as it is"
    columns = spark.createDataFrame(rows[[key, "observed_at", *missing]])
    types = ", ".join(f"`{name}` {columns.schema[name].dataType.simpleString()}" for name in missing)
    values = ", ".join(f"t.`{name}` = s.`{name}`" for name in missing)
    spark.sql(f"ALTER TABLE {gold_table} ADD COLUMNS ({types})")
    spark.sql(
        f"MERGE INTO {gold_table} t USING {{rows}} s ON t.{key} = s.{key} AND t.observed_at = s.observed_at "
        f"WHEN MATCHED THEN UPDATE SET {values}",
        rows=columns,
    )
    return f"got {', '.join(missing)}"


def create_sample_data() -> str:
    for schema in (gold_schema, feature_schema):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{schema}")
    rows = sample_rows()
    if spark.sql(f"SHOW TABLES IN {catalog}.{gold_schema} LIKE '{domain}'").collect():
        if not is_sample():
            return f"SKIPPED: {gold_table} is no sample, so it is left as it is"
        print(f"{gold_table}: {add_missing_labels(rows)}")
    else:
        table = spark.createDataFrame(rows).writeTo(gold_table).using("delta")
        table.tableProperty("sample_data", "made").create()
        print(f"{gold_table}: {len(rows)} rows")
    return "SUCCESS"


# COMMAND ----------

try:
    status = create_sample_data()
except Exception as error:
    traceback.print_exc()
    status = f"FAILED: {' '.join(str(error).split()) or repr(error)}"[:1000]

# COMMAND ----------

dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
