from pyspark.sql import Column


def with_time(gold: DataFrame, *columns: Column) -> DataFrame:
    """Key, these columns and the time; rows without time are left out."""
    time = F.col("observed_at").cast("timestamp").alias("observed_at")
    return gold.select(KEY, *columns, time).where("observed_at IS NOT NULL")


def part_of(rows: DataFrame, share: float) -> tuple[int, str]:
    """How many rows there are, and what holds for that share of them: that they are the newest."""
    newest = F.percentile_approx("observed_at", 1 - share).cast("string")
    count, cutoff = rows.agg(F.count("*"), newest).first()
    if not count:
        return 0, "false"
    is_since, is_later = (F.expr(f"observed_at {sign} '{cutoff}'") for sign in (">=", ">"))
    later = F.min(F.when(is_later, F.col("observed_at"))).cast("string")
    newer, newest, later = rows.agg(F.count_if(is_since), F.count_if(is_later), later).first()
    if newer == count and not newest:
        problem = f"all {count} rows have the observed_at {cutoff}, so none is newer than the others"
        raise Skipped(f"{problem}; give each row its own time")
    if newest and (newer == count or abs(newest - share * count) < abs(newer - share * count)):
        cutoff = later  # many rows have the same time, and this boundary is nearer
    return count, f"observed_at >= '{cutoff}'"


def create_training_set(rows: DataFrame, feature_table: str, exclude_columns: list[str]) -> TrainingSet:
    """The rows with every feature of the table as it was known at `observed_at`."""
    lookup = FeatureLookup(table_name=feature_table, lookup_key=KEY, timestamp_lookup_key="observed_at")
    return FeatureEngineeringClient().create_training_set(
        df=rows, feature_lookups=[lookup], label=LABEL, exclude_columns=exclude_columns
    )
