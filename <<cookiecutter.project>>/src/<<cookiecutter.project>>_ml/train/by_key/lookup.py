from pyspark.sql import Column


def with_time(gold: DataFrame, *columns: Column) -> DataFrame:
    """Key, these columns, and the time, if the gold table has one; then rows without time are left out."""
    if "observed_at" not in map(str.lower, gold.columns):
        return gold.select(KEY, *columns)
    time = F.col("observed_at").cast("timestamp").alias("observed_at")
    return gold.select(KEY, *columns, time).where("observed_at IS NOT NULL")


def part_of(rows: DataFrame, share: float) -> tuple[int, str]:
    """How many rows there are, and what holds for that share of them: the newest, or by a hash of the key."""
    if "observed_at" in rows.columns:
        return newest_part(rows, share)
    return rows.count(), f"pmod(xxhash64({KEY}), 100) < {round(100 * share)}"


def create_training_set(rows: DataFrame, feature_table: str, exclude_columns: list[str]) -> TrainingSet:
    """The rows with every feature of the table, looked up by its primary key."""
    lookup = FeatureLookup(table_name=feature_table, lookup_key=KEY)
    return FeatureEngineeringClient().create_training_set(
        df=rows, feature_lookups=[lookup], label=LABEL, exclude_columns=exclude_columns
    )
