"""Parquet, JSON and folders as people have them: what Spark is given in their place."""

import json
import os
import resource
from datetime import datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy
import pandas
import pyarrow.parquet
import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.own_tables.table_files import find_files, prepare

ROWS = {"sales_id": ["a", "b"], "x": [1.5, 2.5]}


def read(folder, *paths):
    """The rows that Spark is given, and what is said."""
    (folder / "prepared").mkdir()
    prepared = prepare(find_files([folder / path for path in paths]), folder / "prepared")
    if prepared.kind == "json":
        lines = [line for path in prepared.paths for line in path.read_text().splitlines()]
        return [json.loads(line) for line in lines], prepared.said
    tables = [pyarrow.parquet.read_table(path, partitioning=None) for path in prepared.paths]
    return pyarrow.concat_tables(tables).to_pylist(), prepared.said


def write(path, rows=ROWS, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(rows | more), path)


COLUMNS = {  # what a column is of -> its values in the file, and as Spark gets them
    "times of day": (pyarrow.array([time(10, 30), time(0, 0, 1, 5)]), ["10:30:00", "00:00:01.000005"]),
    "half floats": (pyarrow.array(numpy.array([0.5, 1.5], numpy.float16)), [0.5, 1.5]),
    "durations": (pyarrow.array([timedelta(seconds=90), None]), [90.0, None]),
    "decimals of more than 38 digits": (
        pyarrow.array([Decimal("1.5"), None], pyarrow.decimal256(50, 2)),
        [1.5, None],
    ),
    "nanoseconds": (
        pyarrow.array([datetime(2024, 1, 1, 12), None], pyarrow.timestamp("ns")),
        [datetime(2024, 1, 1, 12), None],
    ),
    "UUIDs": (
        pyarrow.array([bytes(16), None], pyarrow.binary(16)).cast(pyarrow.uuid()),
        [f"{UUID(int=0)}", None],
    ),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_that_spark_does_not_read_are_those_that_it_does(tmp_path, kind):
    values, wanted = COLUMNS[kind]
    write(tmp_path / "a.parquet", y=values)
    rows, _ = read(tmp_path, "a.parquet")
    assert [row["y"] for row in rows] == wanted


NESTED = {  # what Spark does not read, within another type
    "times of day in a list": pyarrow.array([[time(1)], []]),
    "half floats in a struct": pyarrow.array([{"a": 1}] * 2, pyarrow.struct([("a", pyarrow.float16())])),
    "nanoseconds in a map": pyarrow.array(
        [[("a", 1)]] * 2, pyarrow.map_(pyarrow.string(), pyarrow.timestamp("ns"))
    ),
}


@pytest.mark.parametrize("what", NESTED)
def test_nested_columns_that_spark_does_not_read_are_left_out_and_that_is_said(tmp_path, what):
    write(tmp_path / "a.parquet", y=NESTED[what], z=pyarrow.array([[1], [2]]))
    rows, (said,) = read(tmp_path, "a.parquet")
    assert list(rows[0]) == ["sales_id", "x", "z"]
    assert said.startswith("y is ") and said.endswith(", which Spark does not read, and is left out")


UNLIKE = {  # values of a column in two files -> the values in both, or the sentence
    "whole numbers, and where one is missing": ([1, 2], [1.5, None], [1.0, 2.0, 1.5, None]),
    "nothing at all in one": (pyarrow.nulls(2), ["a", "b"], [None, None, "a", "b"]),
    "integers of two widths": (pyarrow.array([1, 2], pyarrow.int32()), [3, 4], [1, 2, 3, 4]),
    "times of two units": (
        pyarrow.array([0, 1], pyarrow.timestamp("s")),
        pyarrow.array([2_000_000_000, None], pyarrow.timestamp("ns")),
        [datetime(1970, 1, 1, 0, 0, second) for second in range(3)] + [None],
    ),
    "numbers and texts": (
        [1, 2],
        ["a", "b"],
        "the column y is string in {}/b.parquet, and int64 in {}/a.parquet; give it one type",
    ),
}


@pytest.mark.parametrize("what", UNLIKE)
def test_a_column_has_one_type_in_all_files(tmp_path, what):
    one, other, wanted = UNLIKE[what]
    write(tmp_path / "a.parquet", y=one)
    write(tmp_path / "b.parquet", y=other)
    if isinstance(wanted, list):
        assert [row["y"] for row in read(tmp_path, "a.parquet", "b.parquet")[0]] == wanted
        return
    with pytest.raises(WorkspaceError, match=wanted.replace("{}", str(tmp_path))):
        read(tmp_path, "a.parquet", "b.parquet")


def test_a_file_that_cannot_be_opened_is_not_called_another_format(tmp_path, monkeypatch):
    write(tmp_path / "a.parquet")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pyarrow.parquet, "ParquetFile", refuse)
    with pytest.raises(WorkspaceError, match=r"/a\.parquet cannot be read: Permission denied; correct that"):
        read(tmp_path, "a.parquet")


def test_there_may_be_more_files_than_may_be_open(tmp_path):
    for number in range(60):
        write(tmp_path / f"files/{number}.parquet")
    (soft, hard), open_now = resource.getrlimit(resource.RLIMIT_NOFILE), len(os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 20, hard))
    try:
        rows, _ = read(tmp_path, "files")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(rows) == 60 * len(ROWS["x"])


@pytest.mark.parametrize("rows", [0, 2])
def test_an_index_of_pandas_is_left_out_and_that_is_said(tmp_path, rows):
    frame = pandas.DataFrame(ROWS, index=[5, 9])[:rows]
    frame.to_parquet(tmp_path / "a.parquet")
    found, said = read(tmp_path, "a.parquet")
    assert found == pyarrow.table(ROWS).to_pylist()[:rows]
    assert said == ["__index_level_0__ is pandas' index, and is left out"]


@pytest.mark.parametrize("given", [["year=2023/a.parquet", "year=2024/a.parquet"], ["."]])
def test_columns_in_the_names_of_folders_are_columns(tmp_path, given, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for year in ("2023", "2024"):
        write(tmp_path / f"year={year}/a.parquet")
    (tmp_path / "_SUCCESS").touch()
    write(tmp_path / "_temporary/a.parquet")
    rows, said = read(tmp_path, *given)
    assert [row["year"] for row in rows] == [2023, 2023, 2024, 2024]
    assert said == ["from the names of folders: year"]


FOLDERS = {  # the value in the name of a folder -> the column's
    "shop=007": "007",
    "shop=a%20b": "a b",
    "shop=__HIVE_DEFAULT_PARTITION__": None,
}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("file", ["a.csv", "a.json", "a.parquet"])
def test_the_name_of_a_folder_is_read_as_hive_writes_it(tmp_path, folder, file):
    (tmp_path / folder).mkdir()
    write(tmp_path / folder / "a.parquet")
    (tmp_path / folder / "a.csv").write_text("sales_id,x\na,1.5\nb,2.5\n")
    (tmp_path / folder / "a.json").write_text('{"sales_id": "a", "x": 1.5}\n{"sales_id": "b", "x": 2.5}\n')
    rows, _ = read(tmp_path, f"{folder}/{file}")
    assert [row["shop"] for row in rows] == [FOLDERS[folder]] * 2
    assert [row["x"] for row in rows] == ROWS["x"]


RECORDS = [{"sales_id": "a", "x": 1.5}, {"sales_id": "b", "x": 2.5}]
JSON = {
    "lines": "".join(json.dumps(record) + "\n" for record in RECORDS),
    "one array, pretty": json.dumps(RECORDS, indent=1),
    "one array in a line": json.dumps(RECORDS),
    "a byte order mark": "\ufeff" + json.dumps(RECORDS, indent=2),
    "lines of Windows, the first one empty": "\r\n" + "".join(json.dumps(one) + "\r\n" for one in RECORDS),
    "objects one after another, pretty": "\n".join(json.dumps(one, indent=2) for one in RECORDS),
    "objects one after another, on a line": " ".join(map(json.dumps, RECORDS)),
}


@pytest.mark.parametrize("kind", JSON)
def test_json_is_read_however_it_is_printed(tmp_path, kind):
    (tmp_path / "a.json").write_text(JSON[kind])
    assert read(tmp_path, "a.json")[0] == RECORDS


def test_several_csv_files_are_one_table_by_the_names_of_their_columns(tmp_path):
    (tmp_path / "a.csv").write_text("sales_id,x\n1,2\n")
    (tmp_path / "b.csv").write_text("x;sales_id\n2,5;2\n")
    assert read(tmp_path, "a.csv", "b.csv")[0] == [{"sales_id": 1, "x": 2.0}, {"sales_id": 2, "x": 2.5}]


def test_what_is_guessed_of_a_csv_file_is_said(tmp_path):
    (tmp_path / "a.csv").write_bytes(
        "sep=;\n;sales_id;x;seat;land\n0;1;2,5;10D;Österreich\n1;2;NA;12;NULL\n".encode("cp1252")
    )
    assert read(tmp_path, "a.csv")[1] == [
        "read as CSV; separator: semicolon; encoding: Windows-1252, since it is not UTF-8",
        "column 1 has no name, and is left out",
        "'NA' counts as missing: x (1)",
        "'NULL' counts as missing: land (1)",
        "x has a decimal comma",
        "seat stays text, because of '10D'",
    ]


def damaged():
    """A Parquet file whose rows are no longer what was packed."""
    file = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table({"id": range(9), "t": pyarrow.array([time(1)] * 9)}), file)
    whole = file.getvalue().to_pybytes()
    return whole[:30] + b"\xff" * 40 + whole[70:]


def parquet(**columns):
    file = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue().to_pybytes()


REFUSED = {  # what is wrong -> the files, and the sentence
    "headers that differ": (
        {"a.csv": b"id,x\n1,2\n", "b.csv": b"id,y\n1,2\n"},
        "{}/a.csv alone has a column 'x'; give all files the same header",
    ),
    "folders that differ": (
        {"y=1/a.csv": b"id\n1\n", "b.csv": b"id\n1\n"},
        "y= is in the path of only one of {}/y=1/a.csv and {}/b.csv; import files whose folders",
    ),
    "JSON that is cut off": (
        {"a.json": b'[\n{"id": 1},\n{"id"'},
        "{}/a.json is no JSON: Expecting ':' delimiter: line 3",
    ),
    "JSON of numbers": ({"a.json": b"[1, 2]"}, "{}/a.json: 1 is no record; write it as an object"),
    "JSON with a broken line": (
        {"a.json": b'{"id": 1}\n{"id": 2,}\n'},
        "{}/a.json: the record '{\"id\": 2,}' is no JSON: Expecting property name",
    ),
    "JSON with a name twice": (
        {"a.json": b'[{"id": 1, "ID": 2}]'},
        "{}/a.json has the name 'ID' twice in one object; rename one",
    ),
    "JSON without a record": ({"a.json": b"[]"}, "{}/a.json has no record; write the table into it"),
    "JSON by columns, as pandas writes it": (
        {"a.json": b'{"id": {"0": 1, "1": 2}, "x": {"0": 3, "1": 4}}'},
        "{}/a.json has one record, whose values are lists or objects; write a record for each row",
    ),
    "JSON of one object around the records": (
        {"a.json": b'{"data": [{"id": 1}, {"id": 2}]}'},
        "{}/a.json has one record, whose values are lists or objects; write a record for each row",
    ),
    "JSON in Latin-1": (
        {"a.json": '{"x": "ä"}'.encode("latin-1")},
        "{}/a.json is not UTF-8; save it as UTF-8",
    ),
    "Parquet that is damaged": ({"a.parquet": damaged()}, "{}/a.parquet cannot be read: "),
    "a folder named as a column": (
        {"X=1/a.parquet": parquet(id=[1], x=[2])},
        "{}/X=1/a.parquet: the column X occurs twice; rename one, or remove it",
    ),
    "Parquet that is none": ({"a.parquet": b"PAR1"}, "{}/a.parquet is no Parquet file; write it as one"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_files_that_make_no_table_are_refused_in_a_sentence(tmp_path, what):
    files, sentence = REFUSED[what]
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WorkspaceError) as refused:
        read(tmp_path, *files)
    assert str(refused.value).startswith(sentence.replace("{}", str(tmp_path)))
    assert len(str(refused.value).splitlines()) == 1
