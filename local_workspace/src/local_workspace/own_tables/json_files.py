"""JSON files as Spark takes them: one record on each line; others, printed prettily, are written anew."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local_workspace.errors import WorkspaceError
from local_workspace.own_tables.csv_types import judge
from local_workspace.own_tables.packed import open_file


def read_json(paths: list[Path], partitions: list[dict[str, str | None]], folder: Path) -> list[Path]:
    """The files to read in place of these."""
    kinds = {name: judge([found[name] for found in partitions]).kind for name in partitions[0]}
    found = []
    for number, (path, parts) in enumerate(zip(paths, partitions, strict=True)):
        more = {name: _value(value, kinds[name]) for name, value in parts.items()}
        if _has_lines(path) and not more:
            target = folder / f"{number}{''.join(path.suffixes[-2:]).lower()}"
            target.symlink_to(path.resolve())
        else:
            target = folder / f"{number}.json"
            with open(target, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(more | record) + "\n" for record in _records(path))
        found.append(target)
    return found


def _has_lines(path: Path) -> bool:
    """Whether the first line is a whole record, as then all are to be."""
    for line in _lines(path):
        if line.strip():
            try:
                return isinstance(json.loads(line), dict)
            except ValueError:
                return line.strip() not in ("[", "{") and line.lstrip()[0] != "[" and line.rstrip()[-1] == "}"
    raise WorkspaceError(f"{path} is empty; write the table into it")


def _lines(path: Path) -> Iterable[str]:
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


def _records(path: Path) -> Iterable[dict[str, Any]]:
    """The records of a file that is one array or one object; or that has one on each line."""
    if _has_lines(path):
        found = [_parse(path, line) for line in _lines(path) if line.strip()]
    else:
        whole = _parse(path, "\n".join(_lines(path)))
        found = whole if isinstance(whole, list) else [whole]
    for record in found:
        if not isinstance(record, dict):
            raise WorkspaceError(f"{path}: {json.dumps(record)[:100]} is no record; write it as an object")
    return found


def _parse(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise WorkspaceError(
            f"{path} is no JSON: {error}; correct it, or write one record on each line"
        ) from None


def _value(text: str | None, kind: str) -> str | int | float | None:
    if text is None:
        return None
    return int(text) if kind == "whole" else float(text) if kind == "point" else text
