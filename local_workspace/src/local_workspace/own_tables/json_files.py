"""JSON files as Spark takes them, with one record on each line, however they are printed.

Stands for nothing of Databricks: https://spark.apache.org/docs/4.0.1/sql-data-sources-json.html
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local_workspace.errors import WorkspaceError
from local_workspace.own_tables.csv_types import judge
from local_workspace.own_tables.packed import open_file


def _check_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: set[str] = set()
    for name, _ in pairs:
        if name.casefold() in seen:
            raise ValueError(f"the name {name!r} twice in one object")
        seen.add(name.casefold())
    return dict(pairs)


BLANKS = re.compile(r"\s*")
DECODER = json.JSONDecoder(object_pairs_hook=_check_twice)


def read_json(paths: list[Path], partitions: list[dict[str, str | None]], folder: Path) -> list[Path]:
    """The files to read in place of these."""
    kinds = {name: judge([found[name] for found in partitions]).kind for name in partitions[0]}
    found = []
    for number, (path, parts) in enumerate(zip(paths, partitions, strict=True)):
        more = {name: _value(value, kinds[name]) for name, value in parts.items()}
        target = folder / f"{number}.json"
        count, values = 0, set[type]()
        with open(target, "w", encoding="utf-8") as file:
            for record in _records(path):
                file.write(json.dumps(more | record) + "\n")
                count, values = count + 1, set(map(type, record.values()))
        if not count:
            raise WorkspaceError(f"{path} has no record; write the table into it")
        if count == 1 and values <= {dict, list}:
            one = "has one record, whose values are lists or objects"
            raise WorkspaceError(f"{path} {one}; write a record for each row, as to_json(orient='records')")
        found.append(target)
    return found


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file: one on each line, one after another, or in an array."""
    for found in _parse_all(path):
        for record in found if isinstance(found, list) else [found]:
            if not isinstance(record, dict):
                raise WorkspaceError(
                    f"{path}: {json.dumps(record)[:100]} is no record; write it as an object"
                )
            yield record


def _parse_all(path: Path) -> Iterator[Any]:
    has_lines = _has_lines(path)
    for text in _lines(path) if has_lines else ["\n".join(_lines(path))]:
        try:
            yield from _parse(text)
        except ValueError as error:
            where = f": the record {text.strip()[:100]!r}" if has_lines else ""
            is_json = not isinstance(error, json.JSONDecodeError)
            problem = (
                f"has {error}; rename one"
                if is_json
                else f"is no JSON: {error}; correct it, or write one record on each line"
            )
            raise WorkspaceError(f"{path}{where} {problem}") from None


def _parse(text: str) -> Iterator[Any]:
    """All values that a text has, one after another."""
    place = _next(text, 0)
    while place < len(text):
        value, end = DECODER.raw_decode(text, place)
        yield value
        place = _next(text, end)


def _next(text: str, place: int) -> int:
    found = BLANKS.match(text, place)
    return found.end() if found else place


def _has_lines(path: Path) -> bool:
    """Whether the first line is a whole record, as then all are to be."""
    for line in _lines(path):
        if line.strip():
            try:
                return isinstance(json.loads(line), dict)
            except ValueError:
                return line.strip() not in ("[", "{") and line.lstrip()[0] != "[" and line.rstrip()[-1] == "}"
    raise WorkspaceError(f"{path} is empty; write the table into it")


def _lines(path: Path) -> Iterator[str]:
    try:
        with open_file(path) as stream:
            rest = b""
            while block := stream.read(1 << 20):
                *lines, rest = (rest + block).split(b"\n")
                yield from (line.decode("utf-8-sig") for line in lines)
            yield rest.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WorkspaceError(f"{path} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be unpacked, {error}; copy it anew") from None


def _value(text: str | None, kind: str) -> str | int | float | None:
    if text is None:
        return None
    return int(text) if kind == "whole" else float(text) if kind == "point" else text
