from pyspark.sql import Column


def with_time(gold: DataFrame, *columns: Column) -> DataFrame:
    """Key, these columns and the time; rows without time are left out."""
    time = F.col("observed_at").cast("timestamp").alias("observed_at")
    return gold.select(KEY, *columns, time).where("observed_at IS NOT NULL")


def create_training_set(rows: DataFrame, feature_table: str, exclude_columns: list[str]) -> TrainingSet:
    """The rows with every feature of the table as it was known at `observed_at`."""
    lookup = FeatureLookup(table_name=feature_table, lookup_key=KEY, timestamp_lookup_key="observed_at")
    return FeatureEngineeringClient().create_training_set(
        df=rows, feature_lookups=[lookup], label=LABEL, exclude_columns=exclude_columns
    )
