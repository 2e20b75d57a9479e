"""An example of a test for your own feature code: a gold table of three rows, and what becomes of them."""

SCHEMAS = {"catalog": "spark_catalog", "gold_schema": "example_gold", "feature_schema": "example_ml"}


def test_features_of_a_gold_table_of_three_rows(local_bundle):
    for schema in ("example_gold", "example_ml"):
        local_bundle.sql(f"CREATE SCHEMA {schema}")
    local_bundle.sql("""
        CREATE TABLE example_gold.shop AS SELECT * FROM
        VALUES (1, 20.5D, false), (2, 4D, true), (NULL, 1D, true) AS rows (shop_id, price, was_returned)
    """)

    result = local_bundle.run_notebook(
        "src/*/features/create_feature_tables.py", domain="shop", labels="was_returned", **SCHEMAS
    )

    assert result["exit"] == "SUCCESS"
    rows = local_bundle.sql("SELECT shop_id, price FROM example_ml.shop_features ORDER BY shop_id")
    assert rows == [[1, 20.5], [2, 4.0]]
