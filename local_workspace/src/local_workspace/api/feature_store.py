"""The feature store's own REST API, as the Feature Engineering client calls it.

Stands for the service behind
https://docs.databricks.com/aws/en/machine-learning/feature-store/python-api
The answers are made with the client's own classes.
"""

import yaml
from databricks.ml_features.entities.data_type import DataType
from databricks.ml_features.utils.training_scoring_utils import assign_topological_ordering
from databricks.ml_features.version import VERSION
from databricks.ml_features_common.entities.column_info import ColumnInfo
from databricks.ml_features_common.entities.feature_column_info import FeatureColumnInfo
from databricks.ml_features_common.entities.feature_spec import FeatureSpec
from databricks.ml_features_common.entities.feature_table_info import FeatureTableInfo
from databricks.ml_features_common.entities.source_data_column_info import SourceDataColumnInfo

from local_workspace.api import unity_catalog
from local_workspace.api.request import Json, Request, Route


def _create_feature_table(request: Request) -> Json:
    return {"feature_table": {"name": request.asked["name"]}}


def _get_online_stores(request: Request) -> Json:
    tables = request.asked.get("feature_tables", [])
    return {"feature_table_online_stores": [{"feature_table": t, "online_stores": []} for t in tables]}


def _get_features(request: Request) -> Json:
    table = request.asked["feature_table"]
    features = [
        {
            "table": table,
            "name": field.name,
            "data_type": DataType.spark_type_to_string(field.dataType),
            "data_type_details": field.dataType.json(),
        }
        for field in request.services.spark.table(table).schema
    ]
    return {"features": features}


def _generate_feature_spec(request: Request) -> Json:
    """The feature spec that a training set's model carries: source columns, then looked-up features."""
    lookups = [feature["feature_lookup"] for feature in request.asked["features"]]
    names = sorted({lookup["table_name"] for lookup in lookups})
    tables = {name: unity_catalog.table(request.services.spark, name) for name in names}
    columns = [SourceDataColumnInfo(name) for name in request.asked.get("input_columns", [])]
    for lookup in lookups:
        columns += _looked_up(lookup, tables[lookup["table_name"]])

    excluded = request.asked.get("exclude_columns", [])
    keys = {key for lookup in lookups for key in lookup["lookup_keys"]}
    kept = [
        ColumnInfo(info=column, include=column.output_name not in excluded)
        for column in columns
        if column.output_name not in excluded or column.output_name in keys
    ]
    lookback = {lookup["table_name"]: lookup.get("lookback_window_seconds") for lookup in lookups}
    spec = FeatureSpec(
        column_infos=assign_topological_ordering(column_infos=kept),
        table_infos=[FeatureTableInfo(name, tables[name]["table_id"], lookback[name]) for name in names],
        function_infos=[],
        workspace_id=0,
        feature_store_client_version=VERSION,
        serialization_version=FeatureSpec.SERIALIZATION_VERSION_NUMBER,
    )
    return {"feature_spec_yaml": yaml.safe_dump(spec._to_dict(), sort_keys=False)}


def _looked_up(lookup: Json, table: Json) -> list[FeatureColumnInfo]:
    keys = table["table_constraints"][0]["primary_key_constraint"]["child_columns"]
    renamed = {pair["feature_name"]: pair["output_name"] for pair in lookup.get("rename_outputs", [])}
    names = lookup.get("feature_names") or [c["name"] for c in table["columns"] if c["name"] not in keys]
    defaults = {pair["feature_name"]: pair["default_value"] for pair in lookup.get("default_values", [])}
    return [
        FeatureColumnInfo(
            table_name=table["full_name"],
            feature_name=name,
            lookup_key=lookup["lookup_keys"],
            output_name=renamed.get(name, name),
            timestamp_lookup_key=lookup.get("timestamp_lookup_keys", []),
            default_value_str=defaults.get(renamed.get(name, name)),
        )
        for name in names
    ]


ROUTES: list[Route] = [
    ("POST", r"/api/2\.0/feature-store/feature-tables/create", _create_feature_table),
    ("POST", r"/api/2\.0/feature-store/feature-tables/get-online-stores", _get_online_stores),
    ("GET", r"/api/2\.0/feature-store/features/get", _get_features),
    ("POST", r"/api/2\.0/feature-store/feature-spec/generate-yaml", _generate_feature_spec),
]
