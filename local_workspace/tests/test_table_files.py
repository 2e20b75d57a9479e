"""Parquet, JSON and folders as people have them: what Spark is given in their place."""

import json
from datetime import time, timedelta
from decimal import Decimal

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
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_that_spark_does_not_read_are_those_that_it_does(tmp_path, kind):
    values, wanted = COLUMNS[kind]
    write(tmp_path / "a.parquet", y=values)
    rows, _ = read(tmp_path, "a.parquet")
    assert [row["y"] for row in rows] == wanted


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
    "JSON in Latin-1": (
        {"a.json": '{"x": "ä"}'.encode("latin-1")},
        "{}/a.json is not UTF-8; save it as UTF-8",
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
