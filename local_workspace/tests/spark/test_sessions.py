"""A Spark session is a task's own; its Python workers are forked with the libraries loaded."""

import json

import pytest
from own_tables import OwnTables

HEADER = "# Databricks notebook source\n"
LEAVES = """
from pyspark.sql import SparkSession

spark.sql("CREATE SCHEMA IF NOT EXISTS left_over")
spark.sql("USE left_over")
spark.sql("DECLARE VARIABLE left_over_variable INT DEFAULT 5")
spark.range(3).createOrReplaceTempView("left_over_view")
spark.udf.register("left_over_udf", lambda value: value + 1, "long")
spark.conf.set("spark.sql.ansi.enabled", "false")
assert SparkSession.builder.appName("other").getOrCreate() is spark
assert spark.sql("SELECT left_over_udf(left_over_variable)").first()[0] == 6
assert spark.sql("SELECT CAST('x' AS INT)").first()[0] is None
"""
FINDS = {
    "current schema": "spark.sql('SELECT current_schema()').first()[0] == 'left_over'",
    "view": "spark.catalog.tableExists('left_over_view')",
    "function": "spark.catalog.functionExists('left_over_udf')",
    "variable": "is_known('SELECT left_over_variable')",
    "setting": "spark.conf.get('spark.sql.ansi.enabled') == 'false'",
}
LOOKS = f"""
import json

def is_known(statement):
    try:
        spark.sql(statement).collect()
    except Exception as error:
        assert "left_over" in str(error)
        return False
    return True

dbutils.notebook.exit(json.dumps({{name: eval(code) for name, code in {FINDS!r}.items()}}))
"""


@pytest.fixture(scope="module")
def found(local_bundle) -> dict[str, bool]:
    own = OwnTables(local_bundle, "sessions")
    leaves, looks = own.own("leaves", HEADER + LEAVES), own.own("looks", HEADER + LOOKS, "leaves")
    run = own.run("sessions", leaves, looks)
    assert not run.failed, run.tasks
    return json.loads(run.tasks[1].status)


@pytest.mark.parametrize("what", FINDS)
def test_what_a_task_leaves_in_its_session_reaches_no_other(found, what):
    assert found[what] is False


def test_pythons_workers_have_the_libraries_loaded_and_not_this_package(local_bundle):
    loaded, importable = local_bundle.ask("""
        import pandas
        def look(batches):
            import importlib.util, sys
            for _ in batches:
                importable = importlib.util.find_spec("hand_over") is not None
                yield pandas.DataFrame({"loaded": ["mlflow.sklearn" in sys.modules], "found": [importable]})
        return list(spark.range(1).mapInPandas(look, "loaded boolean, found boolean").first())
    """)
    assert loaded and not importable
