"""A Spark session as a serverless task has it: Spark Connect, Databricks SQL, and what it refuses.

Stands for https://docs.databricks.com/aws/en/compute/serverless/limitations
"""

import re
from collections.abc import Callable

from pyspark.errors import AnalysisException
from pyspark.sql.connect.catalog import Catalog
from pyspark.sql.connect.conf import RuntimeConf
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.session import SparkSession

from local_workspace.databricks_sql import translate
from local_workspace.delta_tables import DeltaTable

# https://docs.databricks.com/aws/en/spark/conf#serverless
SETTABLE = (
    "spark.databricks.execution.timeout",
    "spark.sql.ansi.enabled",
    "spark.sql.files.maxPartitionBytes",
    "spark.sql.legacy.timeParserPolicy",
    "spark.sql.session.timeZone",
    "spark.sql.shuffle.partitions",
)
# How a statement that is refused begins -> what the refusal calls it.
REFUSED_STATEMENTS = {
    r"CACHE\s+(LAZY\s+)?TABLE\s": "CACHE TABLE",
    r"UNCACHE\s+TABLE\s": "UNCACHE TABLE",
    r"CLEAR\s+CACHE": "CLEAR CACHE",
    r"REFRESH\s+TABLE\s": "REFRESH TABLE",
    r"CREATE\s+(OR\s+REPLACE\s+)?GLOBAL\s+TEMP(ORARY)?\s+VIEW\s": "GLOBAL TEMPORARY VIEW",
}
SETTING = r"SET\s+([\w.]+)\s*="


def start_session(url: str) -> SparkSession:
    """The process's one session, as new; `SparkSession.builder.getOrCreate()` also gives it."""
    spark = SparkSession.builder.remote(url).getOrCreate()
    spark.client.disable_reattachable_execute()  # for connections that break; here it only costs time
    _speak_databricks_sql()
    _refuse_what_serverless_refuses()
    _let_the_feature_client_work()
    return spark


def _speak_databricks_sql() -> None:
    spark_sql = SparkSession.sql
    SparkSession.sql = lambda self, sqlQuery, *args, **kwargs: spark_sql(
        self, translate(sqlQuery), *args, **kwargs
    )


def _refuse_what_serverless_refuses() -> None:
    for name in ("cache", "persist", "unpersist"):
        setattr(DataFrame, name, _refused("PERSIST TABLE"))
    for name in ("createGlobalTempView", "createOrReplaceGlobalTempView"):
        setattr(DataFrame, name, _refused("GLOBAL TEMPORARY VIEW"))
    Catalog.cacheTable = _refused("CACHE TABLE")
    Catalog.uncacheTable = _refused("UNCACHE TABLE")
    Catalog.clearCache = _refused("CLEAR CACHE")

    set_conf, spark_sql = RuntimeConf.set, SparkSession.sql

    def set_allowed(self: RuntimeConf, key: str, value: object) -> None:
        _check_setting(key)
        set_conf(self, key, value)

    def sql_allowed(self: SparkSession, sqlQuery: str, *args: object, **kwargs: object) -> DataFrame:
        _check_statement(sqlQuery)
        return spark_sql(self, sqlQuery, *args, **kwargs)

    RuntimeConf.set = set_allowed
    SparkSession.sql = sql_allowed


def _refused(what: str) -> Callable:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AnalysisException(
            f"[NOT_SUPPORTED_WITH_SERVERLESS] {what} is not supported on serverless compute. SQLSTATE: 0A000"
        )

    return refuse


def _check_setting(key: str) -> None:
    if key not in SETTABLE:
        raise AnalysisException(
            f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available. SQLSTATE: 42K0I"
        )


def _check_statement(statement: str) -> None:
    text = statement.strip()
    for pattern, what in REFUSED_STATEMENTS.items():
        if re.match(pattern, text, re.IGNORECASE):
            _refused(what)()
    if setting := re.match(SETTING, text, re.IGNORECASE):
        _check_setting(setting[1])


def _let_the_feature_client_work() -> None:
    """Where the Feature Engineering client and MLflow ask which Databricks they are on, or lack a part of it.

    On serverless, Spark's workers load a model by its URI; the catalog is Unity Catalog; and MLflow has
    the features that a model depends on for lineage, which its public package refuses to look up.
    """
    import delta.connect.tables
    from databricks.ml_features._training_scoring_client import _training_scoring_client
    from databricks.ml_features_common.utils import uc_utils
    from mlflow.store._unity_catalog.registry import rest_store

    delta.connect.tables.DeltaTable = DeltaTable
    _training_scoring_client.is_in_databricks_serverless_runtime = lambda: True
    uc_utils.LOCAL_METASTORE_NAMES.remove("spark_catalog")
    rest_store.get_feature_dependencies = lambda model_dir: ""
