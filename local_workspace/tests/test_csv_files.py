"""What becomes of odd CSV files, before Spark sees them."""

import pyarrow.parquet
import pytest
from csv_cases import CASES
from local_workspace.errors import WorkspaceError
from local_workspace.own_tables.csv_files import read_csv

LETTERS = {"int64": "k", "double": "d", "string": "t", "bool": "b", "date32[day]": "D"}


def read(folder, *files, parts=None):
    paths = []
    for name, content in files:
        paths.append(folder / name)
        paths[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
    said = read_csv(paths, [parts or {}] * len(paths), folder / "out.parquet")
    table = pyarrow.parquet.read_table(folder / "out.parquet")
    kinds = [LETTERS.get(str(kind), "T") for kind in table.schema.types]
    columns = zip(table.column_names, kinds, table.columns, strict=True)
    return {name: (kind, column.to_pylist()) for name, kind, column in columns}, said


@pytest.mark.parametrize("what", CASES)
def test_an_odd_file_becomes_what_a_person_expects_or_is_refused(tmp_path, what):
    name, content, wanted = CASES[what]
    if isinstance(wanted, dict):
        assert read(tmp_path, (name, content))[0] == wanted
        return
    with pytest.raises(WorkspaceError) as refused:
        read(tmp_path, (name, content))
    assert str(refused.value).removeprefix(f"{tmp_path}/").startswith(wanted)
    assert len(str(refused.value).splitlines()) == 1


FIGURES = ["1,00,000", "$5.50", "5,50 €", "5 %", "(5.50)", "31.12.2024", "12/31/2024", "2024-05", "123 456"]
PLAIN = ["007", "+491701234567", "A-1", "12 rooms", "yes"]


@pytest.mark.parametrize("text", FIGURES + PLAIN)
def test_what_a_person_takes_for_a_number_or_a_time_is_said_to_be_text(tmp_path, text):
    columns, said = read(tmp_path, ("a.csv", f"id;x\n1;{text}\n"))
    assert columns["x"] == ("t", [text])
    assert (f"x stays text, because of {text!r}" in said) == (text in FIGURES)
