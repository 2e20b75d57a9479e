"""What a notebook runs in: the names it finds, and its cells one after another.

Stands for https://docs.databricks.com/aws/en/notebooks/notebooks-code
"""

import __future__

import re
import sys
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

import sqlparse
from pandas import DataFrame as PandasDataFrame
from pyspark.sql.connect import functions
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.session import SparkSession

from local_workspace.compute.databricks_sql import without_comments
from local_workspace.compute.serverless import endless_trigger
from local_workspace.errors import WorkspaceError
from local_workspace.notebooks.cells import Cell, read_cells
from local_workspace.notebooks.dbutils import DBUtils, PythonRestart

# https://docs.databricks.com/aws/en/notebooks/notebook-limitations
MAX_DISPLAYED, PRINTED = 10_000, 20


class Kernel:
    """Runs notebooks; `names` is what they have in common."""

    def __init__(self, spark: SparkSession, dbutils: DBUtils):
        self._spark, self._dbutils = spark, dbutils
        self._given: dict[str, Any] = {"__name__": "__main__", "spark": spark, "dbutils": dbutils}
        self._given["display"] = display
        self._flags = 0
        self.names = dict(self._given)
        _give_modules(self._given | _more_names(spark, dbutils))

    def run(self, path: Path) -> None:
        """Runs every cell of the notebook at `path`."""
        for cell in read_cells(path):
            try:
                self._run(cell)
            except PythonRestart:
                self.names.clear()
                self.names.update(self._given)
            except Exception as error:
                if cell.kind in ("sql", "run"):  # of which a traceback has no line
                    error.add_note(f'  In {cell.kind.upper()} cell, file "{cell.file}", line {cell.line}')
                raise

    def _run(self, cell: Cell) -> None:
        if cell.kind == "refused":
            raise WorkspaceError(cell.text)
        if cell.kind == "restart":
            raise PythonRestart
        if cell.kind == "pip":
            print(f"{cell.file}:{cell.line}: %pip {cell.text} is left out; a local run has what uv.lock says")
        elif cell.kind == "run":
            self.run(Path(cell.text))
        elif cell.kind == "sql":
            self._run_sql(cell.text)
        else:
            exec(self._compiled(cell), self.names)

    def _compiled(self, cell: Cell) -> CodeType:
        """With true line numbers; `from __future__ import annotations` holds for the cells after it too."""
        text = "\n" * (cell.line - 1) + cell.text
        code: CodeType = compile(text, cell.file, "exec", self._flags, dont_inherit=True)
        self._flags |= code.co_flags & __future__.annotations.compiler_flag
        return code

    def _run_sql(self, text: str) -> None:
        """Shows what the last statement returns; parameter markers stand for widgets."""
        widgets = self._dbutils.widgets.getAll()
        statements = [part for part in sqlparse.split(text) if without_comments(part).strip(" ;\n")]
        for statement in statements:
            markers = {name: widgets[name] for name in re.findall(r":(\w+)", statement) if name in widgets}
            self.names["_sqldf"] = self._spark.sql(statement, markers)
        if statements:
            display(self.names["_sqldf"])


def display(*shown: object, **options: object) -> None:
    """Runs a DataFrame as far as a workspace shows it, and prints the first rows."""
    for thing in shown:
        if isinstance(thing, DataFrame):
            if thing.isStreaming:
                raise endless_trigger()
            thing = thing.limit(MAX_DISPLAYED).toArrow().to_pandas(timestamp_as_object=True)
        print(thing.to_string(max_rows=PRINTED) if isinstance(thing, PandasDataFrame) else thing)


def _more_names(spark: SparkSession, dbutils: DBUtils) -> dict[str, Any]:
    """What `from databricks.sdk.runtime import *` imports besides; serverless has no SparkContext."""
    return {
        "sql": spark.sql,
        "table": spark.table,
        "udf": functions.udf,
        "displayHTML": print,
        "getArgument": dbutils.widgets.get,
        "sc": None,
        "sqlContext": None,
    }


def _give_modules(names: dict[str, Any]) -> None:
    """What modules import in place of a notebook's names: `databricks.sdk.runtime`, `pyspark.dbutils`.

    The SDK asks the module `dbruntime` for them, which a workspace has.
    """
    namespace = SimpleNamespace(get_namespace_globals=lambda: names)
    runtime: Any = ModuleType("dbruntime")
    legacy: Any = ModuleType("pyspark.dbutils")
    runtime.UserNamespaceInitializer = SimpleNamespace(getOrCreate=lambda: namespace)
    legacy.DBUtils = lambda spark=None: names["dbutils"]
    sys.modules |= {"dbruntime": runtime, "pyspark.dbutils": legacy}
    sys.modules.pop("databricks.sdk.runtime", None)  # made without them
