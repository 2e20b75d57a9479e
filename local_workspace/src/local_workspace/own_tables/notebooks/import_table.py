# Databricks notebook source
"""Makes a gold table from files; exits with a JSON object: `rows`, and `columns` with their types."""

import json
import re
import tempfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
from local_workspace.compute.serverless import suit_large_data
from local_workspace.compute.spark_errors import in_short
from local_workspace.compute.spark_settings import is_large
from local_workspace.errors import WorkspaceError
from pyspark.sql import DataFrame, DataFrameReader
from pyspark.sql import functions as F
from pyspark.sql.types import (
    IntegerType,
    LongType,
    NullType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

NO_DELTA_NAME = set(" ,;{}()\n\t=")  # what a column's name has only with Delta's column mapping
DATE = r"^\d{4}-\d\d-\d\d([T ]|$)"
# What a text has that Spark takes for another type, and a person does not.
TEXT = {kind: "^0[0-9]" for kind in (IntegerType, LongType)} | {TimestampType: r"^(?!\d{4}-\d\d-\d\d)"}
BROKEN = "_corrupt_record"  # Spark's column for a record that it cannot read


def link_files(paths: list[str], folder: str, kind: str) -> dict[str, str]:
    """Each file by a name that Spark takes as it is: without wildcards, not hidden, times in microseconds."""
    links = {}
    for number, path in enumerate(paths):
        link = Path(folder, f"{number}{''.join(Path(path).suffixes[-2:])}")
        if kind == "parquet" and has_nanoseconds(path):
            table = pyarrow.parquet.read_table(path)
            pyarrow.parquet.write_table(table, link, coerce_timestamps="us", allow_truncated_timestamps=True)
        else:
            link.symlink_to(path)
        links[str(link)] = path
    return links


def has_nanoseconds(path: str) -> bool:
    """Whether a Parquet file has times as pandas writes them, which Spark does not read."""
    try:
        types = pyarrow.parquet.read_schema(path).types
    except pyarrow.ArrowInvalid:
        raise WorkspaceError(f"{path} is no Parquet file; write it as one") from None
    return any(pyarrow.types.is_timestamp(kind) and kind.unit == "ns" for kind in types)


def read(kind: str, options: dict[str, str], paths: list[str]) -> DataFrame:
    """The files' rows; a time without a zone is one of UTC, the zone of the session."""
    frame = spark.read.format(kind).options(**options).load(paths if kind != "delta" else paths[0])
    if kind in ("csv", "json"):
        fields = [field for field in frame.schema if field.name != BROKEN]
        if kind == "csv":
            fields = keep_text(fields, options, paths)
        refuse_broken(spark.read.format(kind).options(**options), fields, paths)
        frame = spark.read.format(kind).options(**options).schema(StructType(fields)).load(paths)
    if kind == "json":
        frame = parse_times(frame)
    for field in frame.schema:
        new = {TimestampNTZType: "timestamp", NullType: "string"}.get(type(field.dataType))
        if new:
            frame = frame.withColumn(field.name, F.col(f"`{field.name}`").cast(new))
    return frame


def keep_text(fields: list[StructField], options: dict[str, str], paths: list[str]) -> list[StructField]:
    """Numbers that begin with a zero are codes, and times without a date are none: both stay text."""
    shapes = {field.name: TEXT[type(field.dataType)] for field in fields if type(field.dataType) in TEXT}
    texts = spark.read.format("csv").options(**{**options, "inferSchema": "false"}).load(paths)
    is_text = [F.max(F.col(f"`{name}`").rlike(shape)).alias(name) for name, shape in shapes.items()]
    found = texts.agg(*is_text).first().asDict() if shapes else {}
    return [StructField(f.name, StringType() if found.get(f.name) else f.dataType) for f in fields]


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


def refuse_broken(reader: DataFrameReader, fields: list[StructField], paths: list[str]) -> None:
    """Names a record that has not the form of the others; Spark would fill it up with NULL."""
    rows = reader.schema(StructType([*fields, StructField(BROKEN, StringType())])).load(paths)
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
table, kind, paths = given["table"], given["kind"], json.loads(given["paths"])
with tempfile.TemporaryDirectory() as folder:
    links = {}
    try:
        if any(is_large(Path(path)) for path in paths):
            suit_large_data(spark)
        links = link_files(paths, folder, kind)
        frame = read(kind, json.loads(given["options"]), list(links))
        write(frame, table, json.loads(given["made_from_it"]), given["replace"] == "true")
    except Exception as error:
        sentence = (
            str(error) if isinstance(error, WorkspaceError) else f"{', '.join(paths)}: {in_short(error)}"
        )
        for link, path in links.items():
            sentence = re.sub(f"(file:(//)?)?{re.escape(link)}", lambda _, path=path: path, sentence)
        raise WorkspaceError(sentence) from error
made = spark.table(table)
dbutils.notebook.exit(json.dumps({"rows": made.count(), "columns": dict(made.dtypes)}))
