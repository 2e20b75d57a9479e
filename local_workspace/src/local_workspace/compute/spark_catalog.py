"""Opens Spark's catalog, with no more of PySpark than its messages, so that this begins early."""

import uuid
from contextlib import suppress

import grpc
from pyspark.sql.connect.proto import base_pb2, base_pb2_grpc


def open_catalog(address: str, token: str) -> None:
    """Returns when it is open, or cannot be, which the next statement says."""
    request = base_pb2.ExecutePlanRequest(session_id=str(uuid.uuid4()), client_type="local_workspace")
    request.user_context.user_id = "local"
    request.plan.command.sql_command.input.sql.query = "SHOW SCHEMAS"
    with grpc.insecure_channel(address) as channel, suppress(grpc.RpcError):
        answers = base_pb2_grpc.SparkConnectServiceStub(channel).ExecutePlan(
            request, metadata=[("authorization", f"Bearer {token}")]
        )
        for _ in answers:
            pass
