"""Parquet files as Spark takes them: written anew where they have what it does not read, or reads as other.

Stands for nothing of Databricks: https://spark.apache.org/docs/4.0.1/sql-data-sources-parquet.html
"""

import re
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.compute as pc
import pyarrow.parquet

from local_workspace.errors import WorkspaceError
from local_workspace.own_tables.csv_types import Column, judge

INDEX = re.compile(r"__index_level_\d+__|Unnamed: \d+")  # pandas' names for an index without one
ROWS = 100_000  # that are in memory at once


def read_parquet(
    paths: list[Path], partitions: list[dict[str, str | None]], folder: Path
) -> tuple[list[Path], list[str]]:
    """The files to read in place of these, and what a person may not expect of them."""
    parts = {name: judge([found[name] for found in partitions]) for name in partitions[0]}
    said: dict[str, None] = {}
    found = []
    for number, (path, values) in enumerate(zip(paths, partitions, strict=True)):
        file = _open(path)
        schema = file.schema_arrow
        _check_names(path, schema.names)
        left_out = [name for name in schema.names if INDEX.fullmatch(name)]
        said |= dict.fromkeys(f"{name} is pandas' index, and is left out" for name in left_out)
        said |= dict.fromkeys(
            f"{field.name} is a time of day, and becomes text" for field in schema if _is_time(field.type)
        )
        new = {name: column for name, column in parts.items() if name not in schema.names}
        target = folder / f"{number}.parquet"
        if not left_out and not new and not any(_change(field.type) for field in schema):
            target.symlink_to(
                path.resolve()
            )  # a name that Spark takes as it is: without wildcards, not hidden
        else:
            _write(file, target, left_out, {name: (column, values[name]) for name, column in new.items()})
        found.append(target)
    return found, list(said)


def _open(path: Path) -> pyarrow.parquet.ParquetFile:
    try:
        return pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowInvalid, OSError):
        raise WorkspaceError(f"{path} is no Parquet file; write it as one") from None


def _check_names(path: Path, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise WorkspaceError(f"{path}: the column {name} occurs twice; rename one, or remove it")
        seen.add(name.casefold())


def _is_time(kind: pyarrow.DataType) -> bool:
    return bool(pyarrow.types.is_time(kind))


def _change(kind: pyarrow.DataType) -> Callable[[pyarrow.Array], pyarrow.Array] | None:
    """What makes a column one that Spark reads; none where it does."""
    types = pyarrow.types
    if types.is_timestamp(kind) and kind.unit == "ns":
        return lambda values: pc.cast(values, pyarrow.timestamp("us", kind.tz), safe=False)
    if types.is_time(kind):
        return lambda values: pc.replace_substring_regex(pc.cast(values, pyarrow.string()), r"\.0+$", "")
    if types.is_float16(kind):
        return lambda values: pc.cast(values, pyarrow.float32())
    if types.is_duration(kind):  # the file has a number of these
        return lambda values: pc.divide(
            pc.cast(pc.cast(values, pyarrow.duration("us"), safe=False), pyarrow.int64()), 1e6
        )
    if types.is_decimal(kind) and kind.precision > 38:
        return lambda values: pc.cast(values, pyarrow.float64())
    return None


def _write(
    file: pyarrow.parquet.ParquetFile,
    target: Path,
    left_out: list[str],
    parts: dict[str, tuple[Column, str | None]],
) -> None:
    names = [name for name in file.schema_arrow.names if name not in left_out]
    writer = None
    try:
        for batch in (
            file.iter_batches(ROWS, columns=names) if file.metadata.num_rows else _no_rows(file, names)
        ):
            columns = {name: batch[name] for name in names}
            for name, values in columns.items():
                change = _change(values.type)
                columns[name] = change(values) if change else values
            for name, (column, value) in parts.items():
                constant = pyarrow.repeat(pyarrow.scalar(value, pyarrow.string()), batch.num_rows)
                columns[name] = column.read(constant)
            table = pyarrow.Table.from_pydict(columns)
            writer = writer or pyarrow.parquet.ParquetWriter(target, table.schema)
            writer.write_table(table)
    finally:
        if writer:
            writer.close()


def _no_rows(file: pyarrow.parquet.ParquetFile, names: list[str]) -> list[pyarrow.RecordBatch]:
    return file.read(columns=names).to_batches() or [
        pyarrow.RecordBatch.from_pylist([], pyarrow.schema([file.schema_arrow.field(name) for name in names]))
    ]
