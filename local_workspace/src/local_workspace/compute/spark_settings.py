"""Spark's settings by the size of the tables: those for many rows cost small tasks a tenth of their time.

A session has those for large data if there is a large table when it begins.
"""

import glob
import os
from pathlib import Path

SMALL_DATA = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.stats.skipping": "false",
    "spark.databricks.delta.stats.collect": "false",
}
LARGE_DATA = {
    "spark.sql.shuffle.partitions": str(4 * (os.cpu_count() or 1)),
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.codegen.wholeStage": "true",
    "spark.sql.codegen.factoryMode": "FALLBACK",
}
LARGE_BYTES = 20 << 20  # of one table's files: some 80,000 rows of 30 numbers


def has_large_table(state: Path) -> bool:
    folder = glob.escape(str(state))
    tables = glob.iglob(f"{folder}/warehouse/*.db/*")  # which passes over what goes meanwhile
    return any(is_large(Path(table)) for table in tables)


def is_large(path: Path) -> bool:
    """Whether a file, or the files of a table with those of its past versions, are large."""
    inside = glob.iglob(f"{glob.escape(str(path))}/**/*.parquet", recursive=True)
    return sum(map(_size, inside if path.is_dir() else [path])) > LARGE_BYTES


def _size(file: Path | str) -> int:
    """Its bytes; 0 of one that another task has just removed."""
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return 0
