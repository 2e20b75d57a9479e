"""`delta.tables.DeltaTable` does what it does on Databricks, with columns and SQL text, or is refused."""

import json
from textwrap import dedent

import pytest

# What is done to a table t of (1, 'a', 10.0), (2, 'b', 20.0), with a source s of (2, 'b', 200.0) and
# (3, None, 300.0) -> its rows.
DONE = {
    "update by a literal": (
        "merge('t.id = s.id').whenMatchedUpdate(set={'name': F.lit('x')}).execute()",
        [[1, "a", 10.0], [2, "x", 20.0]],
    ),
    "insert literals and columns": (
        "merge('t.id = s.id').whenNotMatchedInsert(values={'id': F.col('s.id') + 1, 'name': F.lit('new')})"
        ".execute()",
        [[1, "a", 10.0], [2, "b", 20.0], [4, "new", None]],
    ),
    "columns of both sides": (
        "merge(F.col('t.id') == F.col('s.id')).whenMatchedUpdate("
        "condition=(F.col('s.v') > 100) & ~F.col('t.name').isin('x', 'y'), "
        "set={'v': F.col('t.v') + F.col('s.v') * 2 - 1}).execute()",
        [[1, "a", 10.0], [2, "b", 419.0]],
    ),
    "SQL text": (
        "merge('t.id = s.id').whenMatchedUpdate('s.v > 100', {'t.v': 's.v / 4'})"
        ".whenNotMatchedInsert(values={'id': 's.id', 'v': 'abs(-s.v)'}).execute()",
        [[1, "a", 10.0], [2, "b", 50.0], [3, None, 300.0]],
    ),
    "NULL where it is meant": (
        "merge('t.id = s.id').whenMatchedUpdate(set={'name': F.lit(None)}).execute()",
        [[1, "a", 10.0], [2, None, 20.0]],
    ),
    "many functions": (
        "merge('t.id = s.id').whenMatchedUpdate(set={"
        "'name': F.concat(F.upper(F.col('t.name')), F.lit(\"'; `\"), F.col('s.v').cast('string')), "
        "'v': F.when(F.col('s.v').between(1, 300) | F.col('t.v').isNull(), "
        "F.coalesce(-F.col('s.v') % 7, F.lit(0))).otherwise(F.expr('0')).cast(DoubleType())}).execute()",
        [[1, "a", 10.0], [2, "B'; `200.0", -4.0]],
    ),
    "everything": (
        "merge('t.id = s.id').whenMatchedDelete().whenNotMatchedBySourceUpdate("
        "set={'v': F.lit(0)}).whenNotMatchedInsert(values={'id': F.col('s.id')}).execute()",
        [[1, "a", 0.0], [3, None, None]],
    ),
    "all columns of the source": (
        "DeltaTable.forName(spark, name).merge(source.alias('s'), f'{name}.id = s.id')"
        ".whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()",
        [[1, "a", 10.0], [2, "b", 200.0], [3, None, 300.0]],
    ),
    "a column of an odd name": (
        "merge(F.col('t.id') == F.col('s.`a ``b`')).whenMatchedDelete().execute()",
        [[1, "a", 10.0]],
    ),
    "update": (
        "table.update(condition=F.col('id') >= F.lit(2), set={'name': F.lit('z'), 'v': 'v + 1'})",
        [[1, "a", 10.0], [2, "z", 21.0]],
    ),
    "delete": ("table.delete(F.col('name') == 'a')", [[2, "b", 20.0]]),
    "delete all": ("table.delete()", []),
}
SENTENCES = {  # -> what it is refused with
    "merge(source['id'] == F.col('t.id')).whenMatchedDelete().execute()": "name columns by their alias",
    "table.update(set={'v': F.rand(1).over(Window.partitionBy('id'))})": "takes no column of this kind",
    "table.update(set={'v': F.udf(lambda: 1.0, 'double')()})": "takes no column of this kind",
    "table.optimize().executeCompaction()": "say it in SQL",
    "table.vacuum()": "say it in SQL",
    "DeltaTable.isDeltaTable(spark, '/tmp')": "say it in SQL",
}

NOTEBOOK = """
# Databricks notebook source
import json

from delta.tables import DeltaTable
from pyspark.sql import Window, functions as F
from pyspark.sql.types import DoubleType

name = f"{dbutils.widgets.get('schema')}.merged"
outcomes = {}
for code in json.loads(dbutils.widgets.get("code")):
    spark.sql(f"DROP TABLE IF EXISTS {name}")
    spark.sql(f"CREATE TABLE {name} (id BIGINT, name STRING, v DOUBLE)")
    spark.sql(f"INSERT INTO {name} VALUES (1, 'a', 10), (2, 'b', 20)")
    rows = "VALUES (2L, 'b', 200D), (3L, NULL, 300D) AS s(id, name, v)"
    source = spark.sql(f"SELECT *, id AS `a ``b` FROM {rows}")
    table = DeltaTable.forName(spark, name)

    def merge(condition):
        return table.alias("t").merge(source.alias("s"), condition)

    try:
        eval(code)
        outcomes[code] = [list(row) for row in spark.table(name).sort("id").collect()]
        operations = [row.operation for row in table.history().collect()]
        assert len(operations) == 3, operations  # created, inserted into, and changed, once
        assert table.toDF().count() == len(outcomes[code])
        assert table.detail().first().name.endswith("merged")
    except Exception as error:
        outcomes[code] = str(error)
dbutils.notebook.exit(json.dumps(outcomes))
"""


@pytest.fixture(scope="module")
def outcomes(local_bundle) -> dict[str, object]:
    local_bundle.sql(f"CREATE SCHEMA IF NOT EXISTS {local_bundle.features}")
    (local_bundle.root / "merges.py").write_text(dedent(NOTEBOOK).lstrip())
    codes = [*(code for code, _ in DONE.values()), *SENTENCES]
    result = local_bundle.run_notebook("merges.py", schema=local_bundle.features, code=json.dumps(codes))
    assert result["error"] is None, result["error"]
    return json.loads(result["exit"])


@pytest.mark.parametrize("what", DONE)
def test_a_table_changes_as_the_columns_say(outcomes, what):
    code, rows = DONE[what]
    assert outcomes[code] == rows


@pytest.mark.parametrize("code", SENTENCES)
def test_what_sql_cannot_say_is_refused(outcomes, code):
    assert SENTENCES[code] in outcomes[code]
