"""A Spark session as a serverless task has it: Spark Connect, Databricks SQL, and what it refuses.

Stands for https://docs.databricks.com/aws/en/compute/serverless/limitations
"""

from pyspark.errors import AnalysisException
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


def start_session(url: str) -> SparkSession:
    """The process's one session, as new; `SparkSession.builder.getOrCreate()` also gives it."""
    spark = SparkSession.builder.remote(url).getOrCreate()
    spark.client.disable_reattachable_execute()  # for connections that break; here it only costs time
    for row in spark.sql("SHOW VIEWS").collect():
        if row.isTemporary:
            spark.catalog.dropTempView(row.viewName)
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

    set_conf = RuntimeConf.set

    def set_allowed(self, key, value):
        if key not in SETTABLE:
            raise AnalysisException(
                f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available. SQLSTATE: 42K0I"
            )
        set_conf(self, key, value)

    RuntimeConf.set = set_allowed


def _refused(what: str):
    def refuse(*args, **kwargs):
        raise AnalysisException(
            f"[NOT_SUPPORTED_WITH_SERVERLESS] {what} is not supported on serverless compute. SQLSTATE: 0A000"
        )

    return refuse


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
