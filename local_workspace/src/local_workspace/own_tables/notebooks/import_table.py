# Databricks notebook source
"""Makes a gold table from files; exits with a JSON object: `rows`, and `columns` with their types."""

import json
import re
from pathlib import Path

from local_workspace.compute.serverless import suit_large_data
from local_workspace.compute.spark_errors import in_short
from local_workspace.compute.spark_settings import is_large
from local_workspace.errors import WorkspaceError
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    NullType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
)

NO_DELTA_NAME = set(" ,;{}()\n\t=")  # what a column's name has only with Delta's column mapping
DATE = r"^\d{4}-\d\d-\d\d([T ]|$)"
BROKEN = "_corrupt_record"  # Spark's column for a record that it cannot read


def read(kind: str, files: list[str]) -> DataFrame:
    """The files' rows; a time without a zone is one of UTC, the zone of the session."""
    if kind == "json":
        frame = read_json(files)
    elif kind == "parquet":
        frame = spark.read.option("mergeSchema", "true").parquet(*files)
    else:
        frame = spark.read.format(kind).load(files[0])
    for field in frame.schema:
        new = {TimestampNTZType: "timestamp", NullType: "string"}.get(type(field.dataType))
        if new:
            frame = frame.withColumn(field.name, F.col(f"`{field.name}`").cast(new))
    return frame


def read_json(files: list[str]) -> DataFrame:
    """Rows of one record on each line; times are found among the texts."""
    fields = [field for field in spark.read.json(files).schema if field.name != BROKEN]
    refuse_broken(fields, files)
    return parse_times(spark.read.schema(StructType(fields)).json(files))


def parse_times(frame: DataFrame) -> DataFrame:
    """JSON has no times; what begins with a date in each row is one."""
    names = [field.name for field in frame.schema if isinstance(field.dataType, StringType)]
    texts = {name: F.col(f"`{name}`") for name in names}
    is_time = [
        F.bool_and(text.rlike(DATE) & F.expr(f"try_cast(`{name}` AS TIMESTAMP)").isNotNull()).alias(name)
        for name, text in texts.items()
    ]
    found = frame.agg(*is_time).first().asDict() if names else {}
    times = {name: texts[name].cast("timestamp") for name in names if found[name]}
    return frame.withColumns(times) if times else frame


def refuse_broken(fields: list[StructField], files: list[str]) -> None:
    """Names a record that has not the form of the others; Spark would fill it up with NULL."""
    rows = spark.read.schema(StructType([*fields, StructField(BROKEN, StringType())])).json(files)
    found = rows.withColumn("_file", F.input_file_name()).where(F.col(BROKEN).isNotNull()).first()
    if found:
        record = " ".join(found[BROKEN].split())[:100]
        raise WorkspaceError(
            f"{found['_file']}: the record {record!r} has not the form of the others; correct it"
        )


def write(frame: DataFrame, table: str, made_from_it: list[str], replace: bool) -> None:
    """Creates the table; or replaces it, and drops the tables that were made from the former one."""
    for schema in {name.rpartition(".")[0] for name in (table, *made_from_it)}:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    writer = frame.writeTo(table).using("delta").tableProperty("imported", "true")
    if any(set(name) & NO_DELTA_NAME for name in frame.columns):
        writer = writer.tableProperty("delta.columnMapping.mode", "name")
    if not replace:
        writer.create()
        return
    writer.createOrReplace()
    for name in made_from_it:
        spark.sql(f"DROP TABLE IF EXISTS {name}")


given = dbutils.widgets.getAll()
table, paths, files = given["table"], json.loads(given["paths"]), json.loads(given["files"])
try:
    if any(is_large(Path(path)) for path in paths):
        suit_large_data(spark)
    frame = read(given["kind"], files)
    write(frame, table, json.loads(given["made_from_it"]), given["replace"] == "true")
except Exception as error:
    is_ours = isinstance(error, WorkspaceError)
    sentence = str(error) if is_ours else f"{', '.join(paths)}: {in_short(error)}"
    for file, path in zip(files, paths, strict=False):  # of CSV, all files are one
        sentence = re.sub(f"(file:(//)?)?{re.escape(file)}", lambda _, path=path: path, sentence)
    raise WorkspaceError(sentence) from error
made = spark.table(table)
dbutils.notebook.exit(json.dumps({"rows": made.count(), "columns": dict(made.dtypes)}))
