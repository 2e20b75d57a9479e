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
