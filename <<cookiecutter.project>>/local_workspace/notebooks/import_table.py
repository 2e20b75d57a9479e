"""Makes a gold table from files; exits with a JSON object: `rows`, and `columns` with their types."""

import json
import tempfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import IntegralType, NullType, StringType, StructField, StructType, TimestampNTZType

from local_workspace.errors import WorkspaceError
from local_workspace.spark_errors import in_short

NO_DELTA_NAME = set(" ,;{}()\n\t=")  # what a column's name has only with Delta's column mapping


def link_files(paths: list[str], folder: str, kind: str) -> dict[str, str]:
    """Each file by a name that Spark takes as it is: without wildcards, not hidden, times in microseconds."""
    links = {}
    for number, path in enumerate(paths):
        link = Path(folder, f"{number}{''.join(Path(path).suffixes[-2:])}")
        schema = pyarrow.parquet.read_schema(path) if kind == "parquet" else ()
        if any(pyarrow.types.is_timestamp(field.type) and field.type.unit == "ns" for field in schema):
            table = pyarrow.parquet.read_table(path)
            pyarrow.parquet.write_table(table, link, coerce_timestamps="us", allow_truncated_timestamps=True)
        else:
            link.symlink_to(path)
        links[str(link)] = path
    return links


def read(kind: str, options: dict[str, str], paths: list[str]) -> DataFrame:
    """The files' rows; numbers that begin with a zero are codes, and stay text."""
    reader = spark.read.format(kind).options(**options)
    frame = reader.load(paths if kind != "delta" else paths[0])
    numbers = [f.name for f in frame.schema if kind == "csv" and isinstance(f.dataType, IntegralType)]
    if numbers:
        texts = spark.read.format(kind).options(**{**options, "inferSchema": "false"}).load(paths)
        is_code = [F.max(F.col(f"`{name}`").rlike("^0[0-9]")).alias(name) for name in numbers]
        found = texts.agg(*is_code).first().asDict()
        types = [StructField(f.name, StringType() if found.get(f.name) else f.dataType) for f in frame.schema]
        frame = reader.schema(StructType(types)).load(paths)
    for field in frame.schema:
        new = {TimestampNTZType: "timestamp", NullType: "string"}.get(type(field.dataType))
        if new:  # a time without a zone is one of UTC, the zone of the session
            frame = frame.withColumn(field.name, F.col(f"`{field.name}`").cast(new))
    return frame


def write(frame: DataFrame, table: str, former: list[str]) -> None:
    """Creates the table; with `former`, replaces it, and drops those tables, which were made from it."""
    for schema in {
        name.rpartition(".")[0] for name in (table, *json.loads(dbutils.widgets.get("made_from_it")))
    }:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    writer = frame.writeTo(table).using("delta").tableProperty("imported", "true")
    if any(set(name) & NO_DELTA_NAME for name in frame.columns):
        writer = writer.tableProperty("delta.columnMapping.mode", "name")
    if dbutils.widgets.get("replace") == "true":
        writer.createOrReplace()
    else:
        writer.create()
    for name in former:
        spark.sql(f"DROP TABLE IF EXISTS {name}")


table = dbutils.widgets.get("table")
made_from_it = json.loads(dbutils.widgets.get("made_from_it"))
with tempfile.TemporaryDirectory() as folder:
    links = {}
    try:
        kind, paths = dbutils.widgets.get("kind"), json.loads(dbutils.widgets.get("paths"))
        links = link_files(paths, folder, kind)
        frame = read(kind, json.loads(dbutils.widgets.get("options")), list(links))
        write(frame, table, made_from_it if dbutils.widgets.get("replace") == "true" else [])
    except Exception as error:
        sentence = in_short(error)
        for link, path in links.items():
            sentence = (
                sentence.replace(f"file://{link}", path).replace(f"file:{link}", path).replace(link, path)
            )
        raise WorkspaceError(sentence) from error
made = spark.table(table)
dbutils.notebook.exit(json.dumps({"rows": made.count(), "columns": dict(made.dtypes)}))
