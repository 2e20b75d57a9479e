"""Reads CSV files, packed or not, as texts; what is guessed of them is said.

Stands for nothing of Databricks: https://arrow.apache.org/docs/python/csv.html
"""

import codecs
import csv
import functools
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow
import pyarrow.csv
import pyarrow.parquet

from local_workspace.errors import WorkspaceError
from local_workspace.own_tables.csv_types import MISSING, Column, Texts, judge
from local_workspace.own_tables.packed import open_file

if TYPE_CHECKING:
    from _csv import Reader

BLOCK = 1 << 24  # a record longer than this is not read
SAMPLE = 1 << 20  # characters that are looked at to guess
RECORDS = 100
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# Letters of Western Europe stand alone or in pairs, and signs not within words. Of other encodings not so.
NOT_WESTERN = re.compile(r"[^\x00-\x7f\xa0\xab\xbb]{3}|[^\W\d_][\xa1-\xbf\xd7\xf7][^\W\d_]|[\x80-\x9f\ufffd]")
NO_NAME = re.compile(r"Unnamed: \d+(_level_\d+)?")  # as pandas names an index that was written and read again


class Form(NamedTuple):
    """How a file is written: its encoding, what separates columns, lines before the header, its names."""

    encoding: str
    separator: str
    escape: str
    lines_before: int
    names: list[str]
    has_rows: bool


def read_csv(paths: list[Path], partitions: list[dict[str, str | None]], target: Path) -> list[str]:
    """Writes the rows of all files to one Parquet file; gives what was guessed, as lines for a person."""
    forms = [_find_form(path) for path in paths]  # which reads each file to its end
    for path, form in zip(paths[1:], forms[1:], strict=True):
        if differ := sorted(set(form.names) ^ set(forms[0].names)):
            where = paths[0] if differ[0] in forms[0].names else path
            raise WorkspaceError(f"{where} alone has a column {differ[0]!r}; give all files the same header")
    names = [*forms[0].names, *(name for name in partitions[0] if name not in forms[0].names)]
    texts = {name: Texts() for name in names}
    files = list(zip(paths, forms, partitions, strict=True))
    for path, form, parts in files:
        for batch in _read(path, form, parts):
            for name, seen in texts.items():
                seen.see(batch[name])
    left_out = [
        name for name in names if name.startswith("\n") and _is_no_column(paths[0], name, texts[name])
    ]
    comma = any(seen.has_comma() for seen in texts.values())
    columns = {
        name: seen.decide(forms[0].separator, comma) for name, seen in texts.items() if name not in left_out
    }
    schema = pyarrow.schema([(name, column.type) for name, column in columns.items()])
    with pyarrow.parquet.ParquetWriter(target, schema) as writer:
        for path, form, parts in files:
            for batch in _read(path, form, parts):
                values = [column.read(batch[name]) for name, column in columns.items()]
                writer.write_batch(pyarrow.record_batch(values, schema))
    return [*_say_form(forms), *_say_columns(columns, texts, left_out)]


def _find_form(path: Path) -> Form:
    encoding = _find_encoding(path)
    with open_file(path) as stream:
        head = stream.read(SAMPLE)
        is_whole = not stream.read(1)
    text = codecs.getincrementaldecoder(encoding)().decode(head).lstrip("\ufeff")
    before = re.match(r"(\s*\n)*(\"?sep=(.)\"?,*;*\s*?\r?\n)?", text)
    lines_before = before[0].count("\n") if before else 0
    text = text[before.end() :] if before else text
    if not text.strip():
        raise WorkspaceError(f"{path} is empty; write the table into it")
    escape = "\\" if re.search(r'[^,;\t|\n\r]\\"[^,;\t|"\n\r]', text) and r"\N" not in text else ""
    separator = (before and before[3]) or max(SEPARATORS, key=lambda one: _agreement(text, one))
    records = _records(text, separator, escape)
    header, *rows = records if is_whole or len(records) == 1 else records[:-1]
    _check_blanks(path, [header, *rows])
    names = _names(path, header, rows, text)
    form = Form(encoding, separator, escape, lines_before, names, bool(rows or not is_whole))
    _check_quotes(path, form, next((row for row in rows if "\n" not in "".join(row)), []))
    return form


def _find_encoding(path: Path) -> str:
    """UTF-8 or UTF-16; or that of Western Windows, where all letters are of it."""
    with open_file(path) as stream:
        is_utf_16 = stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    for encoding in ("utf-16",) if is_utf_16 else ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with open_file(path) as stream:
                while block := stream.read(1 << 20):
                    text = decoder.decode(block)
                    if "\0" in text:
                        remedy = "unpack it, or save it as CSV in UTF-8"
                        raise WorkspaceError(f"{path} has bytes that no text has; {remedy}")
                    if encoding == "cp1252" and NOT_WESTERN.search(text):
                        raise WorkspaceError(f"{path} is not UTF-8; save it as UTF-8")
                decoder.decode(b"", final=True)
            return encoding
        except UnicodeDecodeError:
            continue
        except OSError as error:
            raise WorkspaceError(f"{path} cannot be unpacked, {error}; copy it anew") from None
    raise WorkspaceError(f"{path} is not UTF-8; save it as UTF-8")


def _records(text: str, separator: str, escape: str = "") -> list[list[str]]:
    reader = _reader(io.StringIO(text, newline=""), separator, escape)
    return list(itertools.islice((record for record in reader if record), RECORDS))


def _reader(lines: Iterable[str], separator: str, escape: str, strict: bool = False) -> "Reader":
    csv.field_size_limit(BLOCK)
    return csv.reader(lines, delimiter=separator, escapechar=escape or None, strict=strict)


def _agreement(text: str, separator: str) -> tuple[bool, bool, int]:
    """How well a separator fits: if records have as many fields as the header, cut at no quote; how many."""
    header, *rows = _records(text, separator)
    fit = [abs(len(row) - len(header)) <= 1 for row in rows[:-1] or rows]
    is_clean = not any('"' in name for name in header)
    return len(header) > 1 and sum(fit) >= 0.9 * len(fit), is_clean, len(header)


def _check_blanks(path: Path, records: list[list[str]]) -> None:
    """Refuses quotes that stand behind blanks, since they are no quotes then, but a part of the text."""
    for field in itertools.chain(*records):
        if re.match(r'\s+"', field):
            raise WorkspaceError(f"{path}: a blank stands before a quote, as in {field[:40]!r}; remove it")


def _check_quotes(path: Path, form: Form, row: list[str]) -> None:
    """Refuses a quote that is not closed where its field ends: rows, as `row`, would be lost in a text."""
    with open_file(path) as stream, io.TextIOWrapper(stream, form.encoding, newline="") as lines:
        reader = _reader(lines, form.separator, form.escape, strict=True)
        line = 0
        try:
            for record in reader:
                if reader.line_num > line + 1 and _has_rows(record, row or record, form):
                    closed = f"is closed in line {reader.line_num}, with rows between"
                    remedy = "correct it; if it is one text, save the table as Parquet"
                    raise WorkspaceError(f"{path}: a quote opened in line {line + 1} {closed}; {remedy}")
                line = reader.line_num
        except csv.Error as error:
            wrong = "is never closed"
            if "expected after" in str(error):
                wrong = f"is closed within a text, in line {reader.line_num}"
            remedy = "correct it, or write quotes of a text twice"
            raise WorkspaceError(f"{path}: a quote opened in line {line + 1} {wrong}; {remedy}") from None


def _has_rows(record: list[str], row: list[str], form: Form) -> bool:
    """Whether most lines of a quoted text are rows, with fields of the same kinds as another row."""
    for field in record:
        lines = field.splitlines()[1:]
        if lines and 2 * sum(_is_like(line, row, form) for line in lines) >= len(lines):
            return True
    return False


def _is_like(line: str, row: list[str], form: Form) -> bool:
    parts: list[str] = next(_reader([line], form.separator, form.escape), [])
    if len(parts) != len(row) or len(parts) < 2:
        return False
    known = [pair for pair in zip(map(_kind, parts), map(_kind, row), strict=True) if all(pair)]
    has_proof = len(parts) > 3 or any(kind != "text" for kind, _ in known)
    return bool(known) and has_proof and all(kind == other for kind, other in known)


@functools.lru_cache(10_000)
def _kind(text: str) -> str:
    """What a field is; empty where it is missing."""
    return "" if text.strip() in MISSING else judge([text]).kind


def _names(path: Path, header: list[str], rows: list[list[str]], text: str) -> list[str]:
    """The columns' names; one without a name is named by its place, behind a line break."""
    names = [name.strip() for name in header]
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else len(names)
    if width == len(names) - 1 and not names[-1]:
        names.pop()
    elif width == len(names) + 1:  # a separator at the end of each row, or R's names of rows, in quotes
        is_end = all(not row[-1] for row in rows if len(row) == width)
        if not is_end and not re.match(r'.*[\r\n]+"', text):
            found = f"the header has {len(names)} fields, and the rows have {width}"
            raise WorkspaceError(f"{path}: {found}; correct it, or quote texts that have the separator")
        names = [*names, ""] if is_end else ["", *names]
    seen: dict[str, str] = {}
    for name in names:
        if name and name.casefold() in seen:
            raise WorkspaceError(f"{path}: the column {name} occurs twice; rename one, or remove it")
        seen[name.casefold()] = name
    return [f"\n{place}" if not name or NO_NAME.fullmatch(name) else name for place, name in enumerate(names)]


def _is_no_column(path: Path, name: str, texts: Texts) -> bool:
    """Whether a column without a name is an index, or has nothing; else it is to be named."""
    place = int(name) + 1
    if not texts.count or (place == 1 and "whole" in texts.kinds):
        return True
    raise WorkspaceError(f"{path}: column {place} has no name; name it in the header, or remove it")


def _read(path: Path, form: Form, parts: dict[str, str | None]) -> Iterator[pyarrow.RecordBatch]:
    """Blocks of rows, all columns as texts, with those that stand in the path."""
    if not form.has_rows:
        return
    broken: list[pyarrow.csv.InvalidRow] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> str:
        broken.append(row)
        return "error"

    try:
        with open_file(path) as stream:
            reader = pyarrow.csv.open_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK,
                    column_names=form.names,
                    skip_rows=form.lines_before,
                    skip_rows_after_names=1,
                    encoding="utf8" if form.encoding == "utf-8" else form.encoding,
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=form.separator,
                    escape_char=form.escape or False,
                    newlines_in_values=True,
                    invalid_row_handler=refuse,
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(form.names, pyarrow.string()), strings_can_be_null=False
                ),
            )
            for batch in reader:
                for name, value in parts.items():
                    if name not in form.names:
                        constant = pyarrow.repeat(pyarrow.scalar(value, pyarrow.string()), batch.num_rows)
                        batch = batch.append_column(name, constant)
                yield batch
    except pyarrow.ArrowInvalid as error:
        if not broken:
            problem = " ".join(str(error).split())
            raise WorkspaceError(f"{path}: {problem}; is a quote opened and never closed?") from None
        record, count = " ".join(broken[0].text.split())[:100], broken[0].actual_columns
        problem = f"has not the form of the others: {count} fields, not {broken[0].expected_columns}"
        raise WorkspaceError(f"{path}: the record {record!r} {problem}; correct it") from None


def _say_form(forms: list[Form]) -> list[str]:
    separators = dict.fromkeys(SEPARATORS.get(form.separator, repr(form.separator)) for form in forms)
    said = [f"separator: {' and '.join(separators)}"]
    names = {"utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252, since it is not UTF-8"}
    encodings = dict.fromkeys(names[form.encoding] for form in forms)
    said.append(f"encoding: {' and '.join(encodings)}")
    if any(form.escape for form in forms):
        said.append(r"a quote within quotes: \"")
    return ["read as CSV; " + "; ".join(said)]


def _say_columns(columns: dict[str, Column], texts: dict[str, Texts], left_out: list[str]) -> list[str]:
    missing: dict[str, list[str]] = {}
    for name, column in columns.items():
        for word, count in texts[name].missing.items():
            if word and word in column.missing:
                missing.setdefault(word, []).append(f"{name} ({count:,})")
    return [
        *(f"column {int(name) + 1} has no name, and is left out" for name in left_out),
        *(f"{word!r} counts as missing: {', '.join(names)}" for word, names in missing.items()),
        *(f"{name} {column.said}" for name, column in columns.items() if column.said),
    ]
