"""A Spark session as a serverless task has it: Spark Connect, Databricks SQL, and what it refuses.

Stands for https://docs.databricks.com/aws/en/compute/serverless/limitations
"""

import re
from collections.abc import Callable

from pyspark.errors import AnalysisException
from pyspark.sql.connect.catalog import Catalog
from pyspark.sql.connect.conf import RuntimeConf
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import DataSource, WriteOperation, WriteStreamOperation
from pyspark.sql.connect.session import SparkSession

from local_workspace.compute.databricks_sql import translate, without_comments
from local_workspace.compute.delta_tables import serve_delta_tables
from local_workspace.compute.spark_settings import LARGE_DATA
from local_workspace.compute.workspace_paths import refuse_path

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
set_conf = RuntimeConf.set  # before a task's is refused what serverless has not
PATH = r"""(?:\bLOCATION\s*|\.)['"`]([^'"`]+)"""


def start_session(url: str) -> SparkSession:
    """The process's one session, as new; `SparkSession.builder.getOrCreate()` also gives it."""
    spark = SparkSession.builder.remote(url).getOrCreate()
    spark.client.disable_reattachable_execute()  # for connections that break; here it only costs time
    _speak_databricks_sql()
    _refuse_what_serverless_refuses()
    _let_the_feature_client_work()
    return spark


def suit_large_data(spark: SparkSession) -> None:
    """Gives a session the settings for large tables."""
    for key, value in LARGE_DATA.items():
        set_conf(spark.conf, key, value)


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
    _refuse_paths_and_endless_streams()

    spark_sql = SparkSession.sql

    def set_allowed(self: RuntimeConf, key: str, value: object) -> None:
        _check_setting(key)
        set_conf(self, key, value)

    def sql_allowed(self: SparkSession, sqlQuery: str, *args: object, **kwargs: object) -> DataFrame:
        _check_statement(sqlQuery)
        return spark_sql(self, sqlQuery, *args, **kwargs)

    RuntimeConf.set = set_allowed
    SparkSession.sql = sql_allowed


def _refuse_paths_and_endless_streams() -> None:
    """Before what is read from files, written to files, or streamed is sent to Spark."""
    read, write, stream = DataSource.plan, WriteOperation.command, WriteStreamOperation.command

    def read_allowed(self: DataSource, *args: object) -> object:
        for text in [*(self._paths or []), *(self._options or {}).values()]:
            refuse_path(text)
        return read(self, *args)

    def write_allowed(self: WriteOperation, *args: object) -> object:
        for text in [self.path, *self.options.values()]:
            refuse_path(text)
        return write(self, *args)

    def stream_allowed(self: WriteStreamOperation, *args: object) -> object:
        if self.write_op.WhichOneof("trigger") not in ("available_now", "once"):
            raise endless_trigger()
        for text in [self.write_op.path, *self.write_op.options.values()]:
            refuse_path(text)
        return stream(self, *args)

    DataSource.plan, WriteOperation.command = read_allowed, write_allowed
    WriteStreamOperation.command = stream_allowed


def endless_trigger() -> AnalysisException:
    """Why a stream does not start."""
    return AnalysisException(
        "[INFINITE_STREAMING_TRIGGER_NOT_SUPPORTED] Trigger type ProcessingTime is not supported for this "
        "cluster type. Use a different trigger type e.g. AvailableNow, Once. SQLSTATE: 0A000"
    )


def _refused(what: str) -> Callable[..., None]:
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
    text = without_comments(statement).strip()
    for pattern, what in REFUSED_STATEMENTS.items():
        if re.match(pattern, text, re.IGNORECASE):
            _refused(what)()
    if setting := re.match(SETTING, text, re.IGNORECASE):
        _check_setting(setting[1])
    for path in re.findall(PATH, text, re.IGNORECASE):
        refuse_path(path)


def _let_the_feature_client_work() -> None:
    """Where the Feature Engineering client and MLflow ask which Databricks they are on, or lack a part of it.

    On serverless, Spark's workers load a model by its URI; the catalog is Unity Catalog; and MLflow has
    the features that a model depends on for lineage, which its public package refuses to look up.
    """
    from databricks.ml_features._training_scoring_client import _training_scoring_client
    from databricks.ml_features_common.utils import uc_utils
    from mlflow.store._unity_catalog.registry import rest_store

    serve_delta_tables()
    _demand_absolute_experiments()
    _training_scoring_client.is_in_databricks_serverless_runtime = lambda: True
    uc_utils.LOCAL_METASTORE_NAMES.remove("spark_catalog")
    rest_store.get_feature_dependencies = lambda model_dir: ""


def _demand_absolute_experiments() -> None:
    """https://docs.databricks.com/aws/en/mlflow/experiments: an experiment is a path of the workspace."""
    from mlflow.exceptions import RestException
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    create = SqlAlchemyStore.create_experiment

    def create_allowed(self: SqlAlchemyStore, name: str, *args: object, **kwargs: object) -> str:
        if not str(name).startswith("/"):
            message = (
                f"Got an invalid experiment name '{name}'. An experiment name must be an absolute path "
                "within the Databricks workspace, e.g. '/Users/<some-username>/my-experiment'."
            )
            raise RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": message})
        created: str = create(self, name, *args, **kwargs)
        return created

    SqlAlchemyStore.create_experiment = create_allowed
