"""`delta.tables.DeltaTable` on Spark Connect, as SQL.

Stands for https://docs.delta.io/latest/api/python/spark/index.html with the server half of Delta
Connect, which serverless compute has and Maven Central has not. Only what the Feature Engineering
client uses is here.
"""

from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.session import SparkSession


class DeltaTable:
    def __init__(self, spark: SparkSession, name: str, alias: str | None = None):
        self._spark = spark
        self._name = name
        self._alias = alias or name.replace("`", "")

    @classmethod
    def forName(cls, sparkSession: SparkSession, tableOrViewName: str) -> "DeltaTable":
        sparkSession.sql(f"DESCRIBE DETAIL {tableOrViewName}").collect()  # raises where it is no Delta table
        return cls(sparkSession, tableOrViewName)

    def alias(self, aliasName: str) -> "DeltaTable":
        return DeltaTable(self._spark, self._name, aliasName)

    def toDF(self) -> DataFrame:
        return self._spark.table(self._name)

    def detail(self) -> DataFrame:
        return self._spark.sql(f"DESCRIBE DETAIL {self._name}")

    def history(self, limit: int | None = None) -> DataFrame:
        newest = f" LIMIT {limit}" if limit else ""
        return self._spark.sql(f"DESCRIBE HISTORY {self._name}{newest}")

    def merge(self, source: DataFrame, condition: str) -> "DeltaMergeBuilder":
        return DeltaMergeBuilder(self._spark, f"{self._name} AS {self._alias}", source, condition)


class DeltaMergeBuilder:
    def __init__(self, spark: SparkSession, target: str, source: DataFrame, condition: str):
        self._spark = spark
        self._target = target
        self._source = source
        self._condition = condition
        self._matched = []
        self._not_matched = []

    def whenMatchedUpdateAll(self, condition: str | None = None) -> "DeltaMergeBuilder":
        return self._when(self._matched, condition, "UPDATE SET *")

    def whenMatchedUpdate(self, condition: str | None = None, set: dict | None = None) -> "DeltaMergeBuilder":
        assignments = ", ".join(f"{column} = {_sql(value)}" for column, value in (set or {}).items())
        return self._when(self._matched, condition, f"UPDATE SET {assignments}")

    def whenMatchedDelete(self, condition: str | None = None) -> "DeltaMergeBuilder":
        return self._when(self._matched, condition, "DELETE")

    def whenNotMatchedInsertAll(self, condition: str | None = None) -> "DeltaMergeBuilder":
        return self._when(self._not_matched, condition, "INSERT *")

    def whenNotMatchedInsert(
        self, condition: str | None = None, values: dict | None = None
    ) -> "DeltaMergeBuilder":
        columns = ", ".join(values or {})
        inserted = ", ".join(_sql(value) for value in (values or {}).values())
        return self._when(self._not_matched, condition, f"INSERT ({columns}) VALUES ({inserted})")

    def execute(self) -> DataFrame:
        alias = getattr(self._source._plan, "_alias", "source")  # of DataFrame.alias, lost in a view
        clauses = [f"WHEN MATCHED{clause}" for clause in self._matched]
        clauses += [f"WHEN NOT MATCHED{clause}" for clause in self._not_matched]
        merge = (
            f"MERGE INTO {self._target} USING {{source}} AS {alias} ON {self._condition} {' '.join(clauses)}"
        )
        return self._spark.sql(merge, source=self._source)

    def _when(self, clauses: list, condition: str | None, action: str) -> "DeltaMergeBuilder":
        clauses.append(f"{f' AND {condition}' if condition else ''} THEN {action}")
        return self


def _sql(value: object) -> str:
    return value if isinstance(value, str) else "NULL"  # the client gives SQL text, or lit(None)
