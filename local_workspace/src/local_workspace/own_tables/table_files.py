"""The files that a table is imported from: which there are, and what Spark is given in their place.

Stands for nothing of Databricks: https://spark.apache.org/docs/4.0.1/sql-data-sources.html
"""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from local_workspace.errors import WorkspaceError
from local_workspace.own_tables.csv_files import read_csv
from local_workspace.own_tables.json_files import read_json
from local_workspace.own_tables.parquet_files import read_parquet

KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
PACKED = (".gz", ".bz2", ".zst")
PART = re.compile(r"([^=]+)=(.*)")
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class TableFiles(NamedTuple):
    """Files of one kind, and for each the columns that stand in its path, `year=2024`."""

    kind: str
    paths: list[Path]
    partitions: list[dict[str, str | None]]


class Prepared(NamedTuple):
    """What Spark reads: Parquet, JSON lines or Delta; and what to say of how the files were read."""

    kind: str
    paths: list[Path]
    said: list[str]


def find_files(paths: list[Path]) -> TableFiles:
    """The files to read; raises where one is missing, empty, or of a kind that is not read."""
    if any((path / "_delta_log").is_dir() for path in paths):
        if len(paths) > 1:
            raise WorkspaceError(f"{paths[1]}: beside a Delta folder nothing is read; import one")
        return TableFiles("delta", paths, [{}])
    files = [file for path in paths for file in _files(path)]
    kinds = [_kind(file) for file in files]
    partitions = [_partition(file) for file in files]
    for file, kind, parts in zip(files, kinds, partitions, strict=True):
        if kind != kinds[0]:
            raise WorkspaceError(f"{file} is of another kind than {files[0]}; import files of one kind")
        if differ := sorted(set(parts) ^ set(partitions[0])):
            problem = f"{differ[0]}= is in the path of only one of {files[0]} and {file}"
            raise WorkspaceError(f"{problem}; import files whose folders are named alike")
    return TableFiles(kinds[0], files, partitions)


def prepare(files: TableFiles, folder: Path) -> Prepared:
    """Reads what is read before Spark starts; what is made of the files comes to the folder."""
    said = []
    if files.partitions[0]:
        said.append(f"from the names of folders: {', '.join(files.partitions[0])}")
    if files.kind == "csv":
        target = folder / "0.parquet"
        said += read_csv(files.paths, files.partitions, target)
        return Prepared("parquet", [target], said)
    if files.kind == "parquet":
        paths, more = read_parquet(files.paths, files.partitions, folder)
        return Prepared("parquet", paths, said + more)
    if files.kind == "json":
        return Prepared("json", read_json(files.paths, files.partitions, folder), said)
    link = folder / "0"  # a name without wildcards, which Spark takes as it is
    link.symlink_to(files.paths[0].resolve())
    return Prepared("delta", [link], said)


def _files(path: Path) -> list[Path]:
    """A file, or those in a folder of files that are tables: not hidden, as Spark's `_SUCCESS` is."""
    if not path.exists():
        raise WorkspaceError(f"{path}: there is no such file; correct the path")
    if not path.is_dir():
        return [path]
    found = [file for file in sorted(path.rglob("*")) if file.is_file() and _suffix(file) in KINDS]
    shown = [file for file in found if not any(part[0] in "._" for part in file.relative_to(path).parts)]
    if not shown:
        raise WorkspaceError(f"{path}: a folder without a table's files; name one with {', '.join(KINDS)}")
    return shown


def _suffix(path: Path) -> str:
    """The file's kind by its name, without that of its packing."""
    return (Path(path.stem) if path.suffix.lower() in PACKED else path).suffix.lower()


def _kind(path: Path) -> str:
    if _suffix(path) not in KINDS:
        known = ", ".join(KINDS)
        raise WorkspaceError(
            f"{path}: no table is read from such a file; give one of {known}, or a Delta folder"
        )
    if not path.stat().st_size:
        raise WorkspaceError(f"{path} is empty; write the table into it")
    return KINDS[_suffix(path)]


def _partition(path: Path) -> dict[str, str | None]:
    """The columns that the names of folders are, as Hive and Spark write them."""
    found = [PART.fullmatch(part) for part in path.parts[:-1]]
    named = {unquote(part[1]): unquote(part[2]) for part in found if part}
    return {name: None if value == NO_VALUE else value for name, value in named.items()}
