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
# MAGIC booleans as doubles, text as text, whole numbers that are codes as text too, dates and times as their
# MAGIC month, weekday, hour and days. What is missing stays NULL, and NaN and infinities become NULL.
# MAGIC
# MAGIC Safe to run again: rows are merged by key.

# COMMAND ----------

import re
import time
import traceback

from databricks.feature_engineering import FeatureEngineeringClient
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    IntegralType,
    NumericType,
    StringType,
    TimestampNTZType,
    TimestampType,
)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Yours to change

# COMMAND ----------

NOT_FEATURES = ["observed_at"]  # columns that are not to be features
FILL_VALUES = {}  # for missing values, as {"discount": 0}; others stay NULL
MAX_TEXTS = 200  # a text column with more distinct values, as a name or a comment, is no feature, unless
MIN_REPEATS = 5  # each value occurs so often on average
CODES = None  # columns of numbers that are names, as ["store", "zip"]; None goes by how columns are named
CALENDAR = []  # what models may learn from observed_at itself: "month", "weekday", "hour", "days"

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
labels = {}  # each with the type of its model, and its values where ml_labels.yml says them
for label in filter(str.strip, dbutils.widgets.get("labels").split(",")):
    name, *model = label.split(":")
    labels[name.strip()] = [part.strip() for part in model]

spark = SparkSession.builder.getOrCreate()
# % if history
keys = [f"{domain}_id", "observed_at"] if dbutils.widgets.get("history") == "true" else [f"{domain}_id"]
# % else
keys = [f"{domain}_id"]
# % endif
NO_NAME = set(" ,;{}()=.`\n\t")  # what Delta has in no name
TAKEN = {"_held_out", "_last", "_part", "_segment", "_weight"}  # columns that training makes
# % if cookiecutter.monitoring == "yes"
TAKEN |= {"_label", "_live", "_new", "_now", "_predicted", "_probabilities"}  # and monitoring
# % endif
gold_table = f"{catalog}.{gold_schema}.{domain}"
feature_table = f"{catalog}.{feature_schema}.{domain}_features"

# COMMAND ----------


def column(name: str) -> Column:
    """A column by its name alone, which may have dots, spaces and backticks."""
    return F.col(f"`{name.replace('`', '``')}`")


def read_types(table: str) -> dict[str, str]:
    """The columns of a feature table with their types; none where there is no table yet."""
    schema, name = table.rsplit(".", 1)
    exists = spark.sql(f"SHOW TABLES IN {schema} LIKE '{name}'").collect()
    return dict(spark.table(table).dtypes) if exists else {}


def check_types(gold: DataFrame) -> None:
    """Refuses a table without key or label, and a key of a type by which models cannot look up."""
    near = {name.lower(): f" (but {name})" for name in gold.columns}
    if missing := [name for name in [*keys, *labels] if name not in gold.columns]:
        found = ", ".join(f"{name}{near.get(name.lower(), '')}" for name in missing)
        raise ValueError(f"{gold_table} has no column {found}; correct it, or ml_labels.yml")
    kind = gold.schema[keys[0]].dataType
    if not isinstance(kind, IntegralType | StringType | DateType):
        raise ValueError(
            f"{gold_table}: the key {keys[0]} is {kind.simpleString()}; make it a whole number as bigint, "
            f"a text or a date, as by CAST({keys[0]} AS STRING)"
        )


def with_calendar(gold: DataFrame) -> DataFrame:
    """The rows with what models learn of dates and times: parts of each, as `signup_month` of `signup`."""
    parts = {
        "month": "month({time})",
        "weekday": "weekday({time})",  # Monday is 0
        "hour": "hour({time})",
        "days": "unix_date(DATE({time}))",  # since 1970-01-01
    }
    if unknown := [name for name in CALENDAR if name not in parts]:
        raise ValueError(f"CALENDAR has {', '.join(unknown)}; write some of {', '.join(parts)}")
    found, taken = {}, {name.lower() for name in gold.columns}
    for field in gold.schema:
        is_date, names = isinstance(field.dataType, DateType), list(parts)
        if field.name == "observed_at":
            names = CALENDAR
        elif not (is_date or isinstance(field.dataType, TimestampType | TimestampNTZType)):
            continue
        elif field.name in [*keys, *labels, *NOT_FEATURES] or set(field.name) & NO_NAME:
            continue
        for name in names:
            if f"{field.name}_{name}".lower() not in taken and not (is_date and name == "hour"):
                time = f"try_cast(`{field.name}` AS TIMESTAMP)"  # a text that is no time is refused below
                found[f"{field.name}_{name}"] = F.expr(parts[name].format(time=time))
    return gold.withColumns(found) if found else gold


def may_be_code(name: str, kind: DataType) -> bool:
    """Whether numbers may be names, as those of stores are: by CODES, else by the column's name."""
    if CODES is not None:
        return name in CODES and isinstance(kind, NumericType)
    is_named_so = re.search(r"(?i:(^|_)(id|code|zip|zipcode|postcode)$)|[a-z](Id|ID|Code)$", name)
    return isinstance(kind, IntegralType) and is_named_so is not None


def are_codes(name: str, kind: DataType, former: dict[str, str], found: dict[str, object]) -> bool:
    """Whether numbers are taken as text: those in CODES; else as before, and new ones if repeated."""
    if CODES is not None or not may_be_code(name, kind):
        return may_be_code(name, kind)
    return former[name] == "string" if name in former else is_repeated(name, found)


def is_repeated(name: str, found: dict[str, object]) -> bool:
    """Whether the values of a column occur so often that a model can learn from each."""
    return found[f"values of {name}"] >= MIN_REPEATS * found[f"texts of {name}"]


def measure(gold: DataFrame) -> dict[str, object]:
    """What is asked of the values of each column, in one read of the table."""
    asked = {}
    for field in gold.schema:
        name, is_text, is_label = field.name, isinstance(field.dataType, StringType), field.name in labels
        if name.lower() == "observed_at":
            asked["no time"] = F.max(F.when(~is_time(field.dataType), column(name).cast("string")))
        if name in [*keys, *NOT_FEATURES] and not is_label:
            continue
        value = F.lower(F.trim(column(name))) if is_text and is_label else column(name)
        asked[f"values of {name}"] = F.count(value)
        if is_text or is_label or may_be_code(name, field.dataType):
            asked[f"texts of {name}"] = F.approx_count_distinct(value, 0.01)
        if is_text and not is_label:
            text = value.cast("string")  # without its collation, which RLIKE may not know
            is_dated = text.rlike(r"^\s*\d{4}-\d\d-\d\d") & text.try_cast("timestamp").isNotNull()
            asked[f"all times in {name}"] = F.min(F.when(text.isNotNull(), is_dated))
        if is_text and is_label:
            is_number = F.expr(f"try_cast(`{name}` AS DOUBLE)").isNotNull()
            asked[f"no number in {name}"] = F.min(F.when(~is_number, column(name)))
    questions = [question.alias(name) for name, question in asked.items()]
    return gold.agg(*questions).first().asDict() if questions else {}


def choose_features(gold: DataFrame, former: dict[str, str], found: dict[str, object]) -> dict[str, str]:
    """Each feature with its type, double or string; prints what is left out, and why."""
    features, left_out, codes = {}, {}, []
    for field in gold.schema:
        name, kind = field.name, field.dataType
        if name in [*keys, *labels]:
            continue
        elif name in NOT_FEATURES:
            left_out[name] = "in NOT_FEATURES"
        elif are_codes(name, kind, former, found):
            features[name] = "string"
            codes.append(name)
        elif isinstance(kind, NumericType | BooleanType):
            features[name] = "double"
        elif isinstance(kind, StringType):
            features[name] = "string"
        else:
            left_out[name] = kind.simpleString()
    check_names(features)
    has_values = any(count for question, count in found.items() if question.startswith("values of "))
    for name in features:
        if name in former:  # a feature does not go because its texts become many, or are missing
            continue
        if has_values and not found[f"values of {name}"] and name not in FILL_VALUES:
            left_out[name] = "no values"
        elif found.get(f"all times in {name}"):  # which do not come again
            left_out[name] = "times as text; cast it to a timestamp"
        elif (texts := found.get(f"texts of {name}", 0)) > MAX_TEXTS and not is_repeated(name, found):
            left_out[name] = f"about {texts} different texts"
    features = {name: kind for name, kind in features.items() if name not in left_out}
    if not features:
        raise ValueError(f"{gold_table} has no column left to be a feature")
    print(f"{len(features)} features: {', '.join(features)}")
    if codes:
        print(f"codes, taken as text: {', '.join(codes)}")
    print(f"left out: {', '.join(f'{name} ({why})' for name, why in left_out.items()) or 'none'}")
    return features


def check_names(features: dict[str, str]) -> None:
    """Refuses names that Delta, the Feature Engineering client or training cannot handle."""
    for name in features:
        if name.lower() in TAKEN:
            raise ValueError(
                f"{gold_table}: no feature can be named {name}, because a notebook makes one of that name; "
                "rename the column, or add it to NOT_FEATURES"
            )
        if set(name) & NO_NAME:
            raise ValueError(
                f"{gold_table}: no feature can be named {name!r}, because of a space or one of ,;{{}}()=.`; "
                "rename the column, or add it to NOT_FEATURES"
            )


def is_time(kind: DataType) -> Column:
    """Whether `observed_at` is NULL or a time that pandas has; a number is one in seconds, after 1980."""
    if not isinstance(kind, TimestampType | TimestampNTZType | DateType | StringType | NumericType):
        return F.lit(False)
    value, time = F.col("observed_at"), F.expr("try_cast(observed_at AS TIMESTAMP)")
    earliest = "1980-01-01" if isinstance(kind, NumericType) else "1678-01-01"
    is_known = F.coalesce(time.between(earliest, "2262-01-01"), F.lit(False))
    if isinstance(kind, StringType):
        is_known &= value.cast("string").rlike(r"^\s*\d{4}-")  # Spark takes 12:30 for a time of today
    return value.isNull() | is_known


def check_time(gold: DataFrame, value: str | None) -> None:
    """Refuses a time that no row can be of, and says what to do."""
    if value is None:
        return
    kind = next(field.dataType for field in gold.schema if field.name.lower() == "observed_at")
    remedy = "make it NULL, or the time at which the row was seen"
    if isinstance(kind, StringType):
        form = "yyyyMMdd" if value.strip().isdigit() else "dd.MM.yyyy"
        remedy = f"write it as 2024-12-31, or cast it, as by to_date(observed_at, '{form}')"
    elif isinstance(kind, NumericType):
        remedy = "make it a timestamp, as by timestamp_millis(observed_at)"
    found = f"{value} ({kind.simpleString()})"
    raise ValueError(f"{gold_table}: observed_at {found} is no time that a row can have; {remedy}")


def describe_label(gold: DataFrame, name: str, found: dict[str, object]) -> str:
    """What keeps models from learning a label; empty where nothing does."""
    kind, (model_type, *values) = gold.schema[name].dataType, labels[name] or [""]
    is_text, distinct = isinstance(kind, StringType), found[f"texts of {name}"]
    if not found[f"values of {name}"]:
        return "is NULL in all rows, so no model learns it"
    if not (is_text or isinstance(kind, NumericType | BooleanType)):
        return f"is {kind.simpleString()}; make it a number, a text or a boolean"
    if model_type == "regression":
        example = found[f"no number in {name}"] if is_text else None
        such = f", as {example!r}" if example else ""
        return f"is text{such}, and a regression needs a number; cast it" if is_text else ""
    if model_type != "classification" or values or not (distinct > 2 or is_text):
        return ""
    value, number = F.lower(F.trim(column(name))), column(name).cast("double")
    value = value if is_text else F.when(F.abs(number) < float("inf"), number)  # NaN is no label
    rows = gold.select(value.alias("value")).dropna().distinct().orderBy("value").limit(10)
    texts = [row.value for row in rows.collect()]
    positive = {"1", "true", "t", "yes", "y", "positive"} & set(texts)
    if len(texts) <= 2 and (not is_text or len(texts) == 1 or len(positive) == 1) and "" not in texts:
        return ""
    empty = "make the empty text NULL, or " if "" in texts else ""
    other = ", or make the model's type multiclass" if len(texts) > 2 else ""
    found = f"has the values {', '.join(map(repr, texts))}"
    return f"{found}; {empty}write into POSITIVE which are positive{other}"


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
    conflict = r"DELTA_(CONCURRENT|METADATA_CHANGED|PROTOCOL_CHANGED)|(Concurrent\w+|Changed)Exception"
    for seconds in (5, 15, 45, None):
        try:
            FeatureEngineeringClient().write_table(name=feature_table, df=rows, mode="merge")
            return
        except Exception as error:
            if not re.search(conflict, str(error)):
                raise
        if seconds:
            print(f"{feature_table} is written by another job too; tried again in {seconds} s")
            time.sleep(seconds)
    raise RuntimeError(f"{feature_table} is written by another job all the time; run this after it")


# COMMAND ----------


def create_feature_table() -> str:
    gold = spark.table(gold_table)
    check_types(gold)
    gold = with_calendar(gold)
    found = measure(gold)
    check_time(gold, found.get("no time"))
    for name in labels:
        if problem := describe_label(gold, name, found):
            print(f"label {name} {problem}")
# % if history
    if "observed_at" in keys:
        gold = gold.withColumn("observed_at", F.col("observed_at").cast("timestamp"))
# % endif
    former = read_types(feature_table)
    features = choose_features(gold, former, found)
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
