from pyspark.sql import Window


def with_last(rows: DataFrame) -> DataFrame:
    """The rows, each with the label that its key had before, as `_last`."""
    before = Window.partitionBy(KEY).orderBy("observed_at")
    return rows.withColumn("_last", F.lag(LABEL).over(before))


def beside_last(truth: pd.Series, data: TrainingData, values: np.ndarray) -> str:
    """Logs what the key's last value alone is worth; what is to be said where it is better."""
    last = last_or_mean(data)
    gains = (values - draw_values(truth, last)) * (-1 if LOWER_IS_BETTER else 1)
    sentence = log_comparison("last", evaluate(truth, last), gains)
    return f"; the key's last value alone is better, {sentence}" if gains[0] < 0 else ""
