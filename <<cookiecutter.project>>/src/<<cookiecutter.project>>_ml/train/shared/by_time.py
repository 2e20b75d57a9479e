from pyspark.sql import Column


def with_time(gold: DataFrame, *columns: Column) -> DataFrame:
    """Key, these columns and the time; rows without time are left out."""
    time = F.col("observed_at").cast("timestamp").alias("observed_at")
    return gold.select(KEY, *columns, time).where("observed_at IS NOT NULL")


def part_of(rows: DataFrame, share: float) -> tuple[int, str]:
    """How many rows there are, and what holds for that share of them: that they are the newest."""
    newest = F.percentile_approx("observed_at", 1 - share).cast("string")
    count, cutoff = rows.agg(F.count("*"), newest).first()
    return count, f"observed_at >= '{cutoff}'"


def create_training_set(rows: DataFrame, feature_table: str, exclude_columns: list[str]) -> TrainingSet:
    """The rows with every feature of the table as it was known at `observed_at`."""
    lookup = FeatureLookup(table_name=feature_table, lookup_key=KEY, timestamp_lookup_key="observed_at")
    return FeatureEngineeringClient().create_training_set(
        df=rows, feature_lookups=[lookup], label=LABEL, exclude_columns=exclude_columns
    )
