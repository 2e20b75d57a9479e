# Databricks notebook source
# % set history = cookiecutter.history_domains | parse_names
# MAGIC %md
# MAGIC # Feature table of one domain
# MAGIC
# MAGIC Reads the gold table `{catalog}.{gold_schema}.{domain}` and writes
# MAGIC `{catalog}.{feature_schema}.{domain}_features`: one row per `{domain}_id`, its primary key.
# % if history
# MAGIC A domain with history has one row per `{domain}_id` and `observed_at`, and both are its primary key.
# % endif
# MAGIC
# MAGIC Every column that is neither key nor label is a feature if a model can learn from it: numbers and
# MAGIC booleans as doubles, text as text. What is missing stays NULL, and NaN and infinities become NULL.
# MAGIC
# MAGIC Safe to run again: rows are merged by key.

# COMMAND ----------

import re
import time
import traceback

from databricks.feature_engineering import FeatureEngineeringClient
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, NumericType, StringType

# COMMAND ----------

# MAGIC %md
# MAGIC ## Yours to change

# COMMAND ----------

NOT_FEATURES = ["observed_at"]  # columns that are not to be features
FILL_VALUES = {}  # for missing values, as {"discount": 0}; others stay NULL
MAX_TEXTS = 200  # a text column with more distinct values, as a name or a comment, is no feature

# COMMAND ----------

dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("domain", "", "Domain, which names the tables")
dbutils.widgets.text("labels", "", "Label columns, separated by commas")
# % if history
dbutils.widgets.text("history", "", "true if the domain has several rows per key")
# % endif

catalog = dbutils.widgets.get("catalog")
gold_schema = dbutils.widgets.get("gold_schema")
feature_schema = dbutils.widgets.get("feature_schema")
domain = dbutils.widgets.get("domain")
labels = [label.split(":")[0].strip() for label in dbutils.widgets.get("labels").split(",") if label.strip()]

spark = SparkSession.builder.getOrCreate()
# % if history
keys = [f"{domain}_id", "observed_at"] if dbutils.widgets.get("history") == "true" else [f"{domain}_id"]
# % else
keys = [f"{domain}_id"]
# % endif
gold_table = f"{catalog}.{gold_schema}.{domain}"
feature_table = f"{catalog}.{feature_schema}.{domain}_features"

# COMMAND ----------


def column(name: str) -> Column:
    """A column by its name alone, which may have dots and spaces."""
    return F.col(f"`{name}`")


def read_types(table: str) -> dict[str, str]:
    """The columns of a feature table with their types; none where there is no table yet."""
    schema, name = table.rsplit(".", 1)
    exists = spark.sql(f"SHOW TABLES IN {schema} LIKE '{name}'").collect()
    return dict(spark.table(table).dtypes) if exists else {}


def choose_features(gold: DataFrame, former: dict[str, str]) -> dict[str, str]:
    """Each feature with its type, double or string; prints what is left out, and why."""
    features, left_out = {}, {}
    for field in gold.schema:
        if field.name in [*keys, *labels]:
            continue
        elif field.name in NOT_FEATURES:
            left_out[field.name] = "in NOT_FEATURES"
        elif isinstance(field.dataType, NumericType | BooleanType):
            features[field.name] = "double"
        elif isinstance(field.dataType, StringType):
            features[field.name] = "string"
        else:
            left_out[field.name] = field.dataType.simpleString()
    check_names(features)
    for name, texts in count_texts(gold, [name for name in features if features[name] == "string"]).items():
        if texts > MAX_TEXTS and name not in former:  # a feature does not go because its texts become many
            left_out[name] = f"about {texts} different texts"
            del features[name]
    if not features:
        raise ValueError(f"{gold_table} has no column left to be a feature")
    print(f"{len(features)} features: {', '.join(features)}")
    print(f"left out: {', '.join(f'{name} ({why})' for name, why in left_out.items()) or 'none'}")
    return features


def check_names(features: dict[str, str]) -> None:
    """Refuses names that Delta or the Feature Engineering client cannot handle."""
    for name in features:
        if set(name) & set(" ,;{}()=.`\n\t"):
            raise ValueError(
                f"{gold_table}: no feature can be named {name!r}, because of a space or one of ,;{{}}()=.`; "
                "rename the column, or add it to NOT_FEATURES"
            )


def count_texts(gold: DataFrame, names: list[str]) -> dict[str, int]:
    """About how many distinct values each text column has."""
    counts = [F.approx_count_distinct(column(name), 0.01).alias(str(n)) for n, name in enumerate(names)]
    return dict(zip(names, gold.agg(*counts).first(), strict=True)) if names else {}


def check_columns(types: dict[str, str], former: dict[str, str]) -> None:
    """Refuses what the feature table cannot follow: a feature that is lost, or has another type."""
    remedy = "drop the feature table, and the next run makes it again"
    if lost := [name for name in former if name not in types]:
        raise ValueError(
            f"{feature_table} has {', '.join(lost)}, which {gold_table} has as a feature no longer; {remedy}"
        )
    changed = [name for name in former if former[name] != types[name]]
    if changed:
        changes = ", ".join(f"{name} as {former[name]}, not {types[name]}" for name in changed)
        raise ValueError(f"{feature_table} has {changes} as in {gold_table}; {remedy}")
    if new := [name for name in types if former and name not in former]:
        print(f"new: {', '.join(new)}")


def check_keys(gold: DataFrame) -> None:
    """Counts rows without a key; refuses a table without rows, and a key that occurs twice, naming one."""
    is_complete = F.expr(" AND ".join(f"{key} IS NOT NULL" for key in keys))
    counts = gold.groupBy(*keys).count()
    found = counts.agg(
        F.count_if(is_complete).alias("keys"),
        F.sum(F.when(~is_complete, F.col("count"))).alias("nulls"),
        F.max(F.when(is_complete & (F.col("count") > 1), F.concat_ws(" at ", *keys))).alias("twice"),
    ).first()
    print(f"{found.nulls or 0} rows without {' or '.join(keys)} left out")
    if not found["keys"]:
        raise ValueError(f"{gold_table} has no rows with {' and '.join(keys)}; fill it")
    if found.twice is not None:
        raise ValueError(f"{gold_table}: {keys[0]} {found.twice} occurs more than once; make the key unique")


def clean(name: str, kind: str) -> Column:
    """A feature as its type: a number beyond a 32-bit float, as models have them, is missing too."""
    value = column(name).cast(kind)
    if kind == "double":
        value = F.when(F.abs(value) < 3.4e38, value)
    return F.coalesce(value, F.lit(FILL_VALUES.get(name)).cast(kind)).alias(name)


def write_features(rows: DataFrame) -> None:
    """Merges the rows; tries again where Delta refuses them, because the other job writes the table too."""
    for seconds in (5, 15, 45, None):
        try:
            FeatureEngineeringClient().write_table(name=feature_table, df=rows, mode="merge")
            return
        except Exception as error:
            if not re.search(r"DELTA_CONCURRENT|Concurrent\w+Exception", str(error)):
                raise
        if seconds:
            print(f"{feature_table} is written by another job too; tried again in {seconds} s")
            time.sleep(seconds)
    raise RuntimeError(f"{feature_table} is written by another job all the time; run this after it")


# COMMAND ----------


def create_feature_table() -> str:
    gold = spark.table(gold_table)
    if missing := [name for name in [*keys, *labels] if name not in gold.columns]:
        raise ValueError(f"{gold_table} has no column {', '.join(missing)}; correct it, or ml_labels.yml")
# % if history
    if "observed_at" in keys:
        gold = gold.withColumn("observed_at", F.col("observed_at").cast("timestamp"))
# % endif
    former = read_types(feature_table)
    features = choose_features(gold, former)
    rows = gold.dropna(subset=keys).select(*keys, *[clean(name, kind) for name, kind in features.items()])
    check_columns(dict(rows.dtypes), former)
    check_keys(gold)
    columns = ", ".join(f"`{name}` {kind}{' NOT NULL' * (name in keys)}" for name, kind in rows.dtypes)
# % if history
    primary_key = ", ".join(keys).replace("observed_at", "observed_at TIMESERIES")
    # Of a table clustered by its keys, the client rewrites new files alone, not all by OPTIMIZE ZORDER.
    clustering = f" CLUSTER BY ({', '.join(keys)})" if "observed_at" in keys else ""
# % endif
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {feature_table} "
# % if history
        f"({columns}, CONSTRAINT {domain}_features_pk PRIMARY KEY ({primary_key})){clustering}"
# % else
        f"({columns}, CONSTRAINT {domain}_features_pk PRIMARY KEY ({keys[0]}))"
# % endif
    )
    write_features(rows)
    print(f"{feature_table} is up to date")
    return "SUCCESS"


# COMMAND ----------

try:
    status = create_feature_table()
except Exception as error:
    traceback.print_exc()
    status = f"FAILED: {' '.join(str(error).split()) or repr(error)}"[:1000]

# COMMAND ----------

dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
