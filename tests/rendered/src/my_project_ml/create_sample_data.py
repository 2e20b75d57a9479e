# Databricks notebook source
# MAGIC %md
# MAGIC # Sample gold table of one domain
# MAGIC
# MAGIC Real data, shipped with scikit-learn, so that every model trains on the first day: patients with
# MAGIC diabetes (442 rows, 10 measurements, progression after a year) for a domain with a regression,
# MAGIC else breast tumours (569 rows, 30 measurements, malignant or not). Only the time of observation
# MAGIC is made up: one hour apart.
# MAGIC
# MAGIC Safe to run again: a table that exists is kept as it is; a label column that its sample lacks is
# MAGIC added.

# COMMAND ----------

import traceback

import pandas as pd
from pyspark.sql import SparkSession
from sklearn.datasets import load_breast_cancer, load_diabetes

# COMMAND ----------

dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("domain", "", "Domain, which names the tables")
dbutils.widgets.text("labels", "", "Label columns, each as name:type")

catalog = dbutils.widgets.get("catalog")
gold_schema = dbutils.widgets.get("gold_schema")
feature_schema = dbutils.widgets.get("feature_schema")
domain = dbutils.widgets.get("domain")
labels = dict(label.strip().split(":") for label in dbutils.widgets.get("labels").split(",") if label.strip())

spark = SparkSession.builder.getOrCreate()
gold_table = f"{catalog}.{gold_schema}.{domain}"
key = f"{domain}_id"

# COMMAND ----------


def sample_rows() -> pd.DataFrame:
    """One row per patient: key, observed_at, measurements, one column per label."""
    if "regression" in labels.values():
        source = load_diabetes(as_frame=True, scaled=False)
        values = {
            "regression": source.target,
            "classification": (source.target > 140).astype("int64"),  # 140: about half of the patients
        }
    else:
        source = load_breast_cancer(as_frame=True)
        values = {"classification": (source.target == 0).astype("int64")}  # 0 is malignant
    measured = source.data.rename(columns=lambda name: name.replace(" ", "_"))
    rows = measured.drop(columns=[name for name in labels if name in measured])
    rows.insert(0, key, range(1, len(rows) + 1))
    rows.insert(1, "observed_at", pd.date_range("2025-01-01", periods=len(rows), freq="h", tz="UTC"))
    return rows.assign(**{name: values[model_type] for name, model_type in labels.items()})


# COMMAND ----------


def add_missing_labels(rows: pd.DataFrame) -> str:
    """Adds label columns that the sample table was made without; never touches anybody's own table."""
    properties = spark.sql(f"SHOW TBLPROPERTIES {gold_table}").collect()
    missing = [name for name in labels if name not in spark.table(gold_table).columns]
    if not missing or not any(row["key"] == "sample_data" for row in properties):
        return "kept as it is"
    columns = spark.createDataFrame(rows[[key, *missing]])
    types = ", ".join(f"`{name}` {columns.schema[name].dataType.simpleString()}" for name in missing)
    values = ", ".join(f"t.`{name}` = s.`{name}`" for name in missing)
    spark.sql(f"ALTER TABLE {gold_table} ADD COLUMNS ({types})")
    spark.sql(
        f"MERGE INTO {gold_table} t USING {{rows}} s ON t.{key} = s.{key} "
        f"WHEN MATCHED THEN UPDATE SET {values}",
        rows=columns,
    )
    return f"got {', '.join(missing)}"


def create_sample_data() -> str:
    for schema in (gold_schema, feature_schema):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{schema}")
    rows = sample_rows()
    if spark.sql(f"SHOW TABLES IN {catalog}.{gold_schema} LIKE '{domain}'").collect():
        print(f"{gold_table}: {add_missing_labels(rows)}")
    else:
        table = spark.createDataFrame(rows).writeTo(gold_table).using("delta")
        table.tableProperty("sample_data", "scikit-learn").create()
        print(f"{gold_table}: {len(rows)} rows")
    return "SUCCESS"


# COMMAND ----------

try:
    status = create_sample_data()
except Exception as error:
    traceback.print_exc()
    status = f"FAILED: {' '.join(str(error).split())}"[:1000]

# COMMAND ----------

dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
