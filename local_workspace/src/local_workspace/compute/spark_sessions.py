"""A task's Spark session: begun as serverless compute has it, and ended. PySpark is loaded late."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession


def start_task_session(spark_url: str, state: Path) -> "SparkSession":
    """The Spark session of this process, which SparkSession.builder also gives from now on."""
    from local_workspace.compute import serverless, spark_settings

    os.environ["SPARK_REMOTE"] = spark_url  # SparkSession.builder in a notebook then gives this session
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"  # and pyspark.sql.functions are those of Connect
    spark = serverless.start_session(spark_url)
    if spark_settings.has_large_table(state):
        serverless.suit_large_data(spark)
    return spark


def end_session(spark_url: str) -> None:
    """Cancels what still runs in a task's Spark session, and ends the session."""
    from pyspark.sql.connect.session import SparkSession

    SparkSession.builder.remote(spark_url).getOrCreate().stop()
