"""The files that a table is imported from, and how Spark reads each kind.

Stands for nothing of Databricks: https://spark.apache.org/docs/4.0.1/sql-data-sources.html
"""

import codecs
from pathlib import Path
from typing import NamedTuple

from local_workspace.errors import WorkspaceError

CSV = {
    "header": "true",
    "inferSchema": "true",
    "enforceSchema": "false",  # with several files, each has the same header
    "multiLine": "true",
    "escape": '"',  # a quote within quotes is doubled, as spreadsheets and pandas write it
}
KINDS = {
    ".csv": ("csv", CSV),
    ".tsv": ("csv", CSV),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".ndjson": ("json", {}),
    ".parquet": ("parquet", {"mergeSchema": "true"}),
}
PACKED = (".gz", ".bz2", ".zst")
SEPARATORS = ",;\t|"


class TableFiles(NamedTuple):
    """Files of one kind: the name that Spark has for it, its options, absolute paths."""

    kind: str
    options: dict[str, str]
    paths: list[Path]


def find_files(paths: list[Path]) -> TableFiles:
    """The files to read; raises where one is missing, empty, or of a kind that is not read."""
    kinds = [_kind(path) for path in paths]
    for path, (kind, _) in zip(paths, kinds, strict=True):
        if kind != kinds[0][0]:
            raise WorkspaceError(f"{path} is of another kind than {paths[0]}; import files of one kind")
    if kinds[0][0] == "delta" and len(paths) > 1:
        raise WorkspaceError(f"{paths[1]}: a second Delta folder is not read; import one")
    return TableFiles(*kinds[0], [path.resolve() for path in paths])


def _kind(path: Path) -> tuple[str, dict[str, str]]:
    if not path.exists():
        raise WorkspaceError(f"{path}: there is no such file; correct the path")
    if path.is_dir():
        if not (path / "_delta_log").is_dir():
            raise WorkspaceError(f"{path}: a folder without _delta_log is no Delta table; name its files")
        return "delta", {}
    packed = path.suffix in PACKED
    suffix = Path(path.stem).suffix if packed else path.suffix
    if suffix.lower() not in KINDS:
        known = ", ".join(KINDS)
        raise WorkspaceError(
            f"{path}: no table is read from such a file; give one of {known}, or a Delta folder"
        )
    kind, options = KINDS[suffix.lower()]
    if not path.stat().st_size:
        raise WorkspaceError(f"{path} is empty; write the table into it")
    if kind == "csv" and not packed:
        options = options | {"sep": _separator(path)}
    return kind, options


def _separator(path: Path) -> str:
    """What separates the columns of a header; raises where the file is not UTF-8."""
    header, decoder = "", codecs.getincrementaldecoder("utf-8")()
    try:
        with open(path, "rb") as file:
            while block := file.read(2**20):
                text = decoder.decode(block)
                header = header or text.partition("\n")[0]
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise WorkspaceError(f"{path} is not UTF-8; save it as UTF-8") from None
    return max(SEPARATORS, key=header.count)
