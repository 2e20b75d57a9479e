"""Unity Catalog's tables and tags, read from the Spark catalog and table properties.

Stands for https://docs.databricks.com/api/workspace/tables/get
"""

import json

from pyspark.sql import SparkSession

from local_workspace.api.request import ApiError, Json, Request, Route
from local_workspace.compute.databricks_sql import PRIMARY_KEY, TAG, TIMESERIES


def table(spark: SparkSession, name: str) -> Json:
    """What the API says of table `catalog.schema.table`."""
    try:
        detail = spark.sql(f"DESCRIBE DETAIL {name}").first()
        fields = spark.table(name).schema
    except Exception as error:
        if "NOT_FOUND" in str(error) or "does not exist" in str(error):
            raise ApiError(404, "TABLE_DOES_NOT_EXIST", f"Table '{name}' does not exist.") from None
        raise
    catalog, schema, short_name = name.split(".")
    key = _listed(detail.properties, PRIMARY_KEY)
    constraint = {
        "name": f"{short_name}_pk",
        "child_columns": key,
        "timeseries_columns": _listed(detail.properties, TIMESERIES),
    }
    return {
        "catalog_name": catalog,
        "schema_name": schema,
        "name": short_name,
        "full_name": name,
        "table_id": detail.id,
        "table_type": "MANAGED",
        "data_source_format": "DELTA",
        "securable_kind": "TABLE_DELTA",
        "comment": detail.description or "",
        "created_at": int(detail.createdAt.timestamp() * 1000),
        "properties": detail.properties,
        "columns": [
            {
                "name": field.name,
                "position": position,
                "nullable": field.nullable,
                "type_text": field.dataType.simpleString(),
                "type_json": json.dumps(field.jsonValue()),
                "type_name": field.dataType.typeName().upper(),
            }
            for position, field in enumerate(fields)
        ],
        "table_constraints": [{"primary_key_constraint": constraint}] if key else [],
    }


def _listed(properties: dict[str, str], name: str) -> list[str]:
    return [part for part in properties.get(name, "").split(",") if part]


def _get_table(request: Request) -> Json:
    return table(request.services.spark, request.names[0])


def _get_tags(request: Request) -> Json:
    properties = request.services.spark.sql(f"DESCRIBE DETAIL {request.names[0]}").first().properties
    tags = [
        {"key": name.removeprefix(TAG), "value": value}
        for name, value in properties.items()
        if name.startswith(TAG)
    ]
    return {"tag_assignments": [{"tag_key_value_pairs": tags}]}


ROUTES: list[Route] = [
    ("GET", r"/api/2\.[01]/unity-catalog/tables/([^/]+)", _get_table),
    ("GET", r"/api/2\.[01]/unity-catalog/securable-tags/TABLE/([^/]+)", _get_tags),
]
