"""Parquet files as Spark takes them: written anew where they have what it does not read, or reads as other.

Stands for nothing of Databricks: https://spark.apache.org/docs/4.0.1/sql-data-sources-parquet.html
"""

import os
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
    schemas = [_schema(path) for path in paths]  # no file stays open: there may be more than may be
    for path, schema in zip(paths, schemas, strict=True):
        _check_names(path, [*schema.names, *(set(parts) - set(schema.names))])
    wanted = _common_types(paths, schemas)
    said: dict[str, None] = {}
    found = []
    for number, (path, schema, values) in enumerate(zip(paths, schemas, partitions, strict=True)):
        left_out = [field.name for field in schema if INDEX.fullmatch(field.name) or _hides(field.type)]
        said |= dict.fromkeys(line for field in schema if (line := _say(field)))
        changes = {field.name: _change(field.type, wanted[field.name]) for field in schema}
        new = {name: column for name, column in parts.items() if name not in schema.names}
        target = folder / f"{number}.parquet"
        if not left_out and not new and not any(changes.values()):
            # a name that Spark takes as it is: without wildcards, not hidden
            target.symlink_to(path.resolve())
        else:
            kept = {name: change for name, change in changes.items() if name not in left_out}
            try:
                with pyarrow.parquet.ParquetFile(path) as file:
                    constants = {name: (column, values[name]) for name, column in new.items()}
                    _write(file, target, kept, constants)
            except (pyarrow.ArrowInvalid, OSError) as error:
                problem = " ".join(str(error).split())
                raise WorkspaceError(f"{path} cannot be read: {problem}; write it anew") from None
        found.append(target)
    return found, list(said)


def _common_types(paths: list[Path], schemas: list[pyarrow.Schema]) -> dict[str, pyarrow.DataType]:
    """The type of each column that all files can have; numbers of pandas are doubles where one is missing."""
    types: dict[str, pyarrow.DataType] = {}
    first: dict[str, Path] = {}
    for path, schema in zip(paths, schemas, strict=True):
        for field in schema:
            name, kind = field.name, field.type
            kind = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
            pair = [pyarrow.schema([(name, types.get(name, kind))]), pyarrow.schema([(name, kind)])]
            try:
                types[name] = pyarrow.unify_schemas(pair, promote_options="permissive").field(0).type
            except pyarrow.ArrowTypeError:
                differ = f"{name} is {kind} in {path}, and {types[name]} in {first[name]}"
                raise WorkspaceError(f"the column {differ}; give it one type") from None
            first.setdefault(name, path)
    return types


def _schema(path: Path) -> pyarrow.Schema:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            return file.schema_arrow
    except (pyarrow.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # not of its content
            problem = f"{path} cannot be read: {os.strerror(error.errno)}; correct that, then import it again"
            raise WorkspaceError(problem) from None
        raise WorkspaceError(f"{path} is no Parquet file; write it as one") from None


def _check_names(path: Path, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise WorkspaceError(f"{path}: the column {name} occurs twice; rename one, or remove it")
        seen.add(name.casefold())


def _say(field: pyarrow.Field) -> str:
    """What a person may not expect of a column."""
    if INDEX.fullmatch(field.name):
        return f"{field.name} is pandas' index, and is left out"
    if _hides(field.type):
        return f"{field.name} is {field.type}, which Spark does not read, and is left out"
    return f"{field.name} is a time of day, and becomes text" if pyarrow.types.is_time(field.type) else ""


def _hides(kind: pyarrow.DataType) -> bool:
    """Whether a nested type has within it what Spark does not read; models learn from none anyway."""
    inner = [kind.field(place).type for place in range(kind.num_fields)]
    return any(_change(one, one) or _hides(one) for one in inner)


def _change(
    kind: pyarrow.DataType, wanted: pyarrow.DataType
) -> Callable[[pyarrow.Array], pyarrow.Array] | None:
    """What makes a column one that Spark reads, of the type wanted; none where it is so."""
    types = pyarrow.types
    if types.is_timestamp(wanted) and wanted.unit == "ns":
        return lambda values: pc.cast(values, pyarrow.timestamp("us", wanted.tz), safe=False)
    if types.is_time(wanted):
        return lambda values: pc.replace_substring_regex(pc.cast(values, pyarrow.string()), r"\.0+$", "")
    if types.is_float16(wanted):
        return lambda values: pc.cast(values, pyarrow.float32())
    if types.is_duration(wanted):  # the file has a number of these
        return lambda values: pc.divide(
            pc.cast(pc.cast(values, pyarrow.duration("us"), safe=False), pyarrow.int64()), 1e6
        )
    if types.is_decimal(wanted) and wanted.precision > 38:
        return lambda values: pc.cast(values, pyarrow.float64())
    if str(wanted) == "extension<arrow.uuid>":
        return lambda values: pyarrow.array(
            [None if value is None else str(value) for value in values.to_pylist()], pyarrow.string()
        )
    if kind != wanted and not (types.is_dictionary(kind) and kind.value_type == wanted):
        return lambda values: pc.cast(values, wanted, safe=False)
    return None


def _write(
    file: pyarrow.parquet.ParquetFile,
    target: Path,
    changes: dict[str, Callable[[pyarrow.Array], pyarrow.Array] | None],
    parts: dict[str, tuple[Column, str | None]],
) -> None:
    names = list(changes)
    writer = None
    try:
        for batch in (
            file.iter_batches(ROWS, columns=names) if file.metadata.num_rows else _no_rows(file, names)
        ):
            columns = {name: batch[name] for name in names}
            for name, change in changes.items():
                columns[name] = change(columns[name]) if change else columns[name]
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
