"""What a stand-in for one of the workspace's REST APIs is asked, and how it refuses.

Stands for https://docs.databricks.com/api/workspace/introduction
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

Json = dict[str, Any]  # a JSON object


class ApiError(Exception):
    """An answer other than 200: its HTTP status, Databricks' error code and a message."""

    def __init__(self, status: int, error_code: str, message: str):
        super().__init__(message)
        self.status = status
        self.error_code = error_code


@dataclass
class Services:
    """What answers are made with."""

    spark: SparkSession
    registry: Any  # of model_registry


@dataclass
class Request:
    """One call: what its path names, what its query or JSON asks, its body as it came."""

    services: Services
    names: tuple[str, ...]
    asked: Json
    body: bytes


# A method, a pattern of the path, and what answers: with JSON, or with a file's bytes.
Route = tuple[str, str, Callable[[Request], Json | bytes]]
