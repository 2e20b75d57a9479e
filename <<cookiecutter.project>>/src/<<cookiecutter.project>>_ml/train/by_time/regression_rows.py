from pyspark.sql import Window


def select_rows(gold: DataFrame) -> DataFrame:
    """Key, label and time of the rows with a label, and what WEIGHT and SEGMENT ask for."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    rows = with_weight(with_time(gold, F.col(LABEL).cast("double").alias(LABEL), *row_columns(gold)))
    rows = rows.where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels
    before = Window.partitionBy(KEY).orderBy("observed_at")
    return rows.withColumn("_last", F.lag(LABEL).over(before))
