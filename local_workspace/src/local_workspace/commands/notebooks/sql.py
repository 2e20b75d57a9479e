# Databricks notebook source
"""Runs a SQL statement; exits with what is printed of its result, or writes all of it to a CSV file."""

import csv
import io
from contextlib import redirect_stdout
from pathlib import Path

from local_workspace.compute.spark_errors import in_short
from local_workspace.errors import WorkspaceError
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

SHOWN = 100  # rows


def write_csv(frame: DataFrame, path: str) -> str:
    """Writes all rows as Spark shows them, times in UTC; a file that is there is replaced at the end."""
    names = frame.columns
    numbered = frame.toDF(*map(str, range(len(names))))  # names may occur twice
    texts = numbered.select([F.col(f"`{name}`").cast("string") for name in numbered.columns])
    part, count = Path(f"{path}.part"), 0
    try:
        with open(part, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            for row in texts.toLocalIterator():
                writer.writerow(row)
                count += 1
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return f"{count} rows are in {path}"


def show(frame: DataFrame) -> str:
    shown = io.StringIO()
    with redirect_stdout(shown):
        frame.show(SHOWN, truncate=False)
    return shown.getvalue().strip()


try:
    result = spark.sql(dbutils.widgets.get("statement"))
    path = dbutils.widgets.get("csv")
    if not result.columns:
        text = "done"
    else:
        text = write_csv(result, path) if path else show(result)
except Exception as error:
    raise WorkspaceError(f"sql: {in_short(error)}") from error
dbutils.notebook.exit(text)
