# COMMAND ----------


# DBTITLE 1,Rows: what is learnt from, and what is held out
# The newest rows by observed_at are held out; without that column, a fixed share by a hash of the key.
# Either way a row that is held out today was never trained on by yesterday's champion.
class Skipped(Exception):
    """There is nothing to train, for a reason that is no failure."""


def remarks_on_share(learnt: int, held_out: int) -> list[str]:
    """A sentence where many rows have the same time, so that another share than HOLDOUT_SHARE is held out."""
    share = held_out / (learnt + held_out)
    if abs(share - HOLDOUT_SHARE) < 0.05:
        return []
    found = f"{held_out} of {learnt + held_out} rows are held out, {share:.0%} and not {HOLDOUT_SHARE:.0%}"
    return [f"{found}, since many have the same observed_at"]


def read_table(table: str) -> mlflow.data.Dataset:
    """A table as of its newest Delta version; as it is where that cannot be read, as of a view."""
    spark = SparkSession.builder.getOrCreate()
    try:
        newest = spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").first()
        dataset = mlflow.data.load_delta(table_name=table, version=str(newest.version))
        _ = dataset.df.schema  # Spark says here if it cannot be read
        return dataset
    except Exception:
        rows = spark.table(table)
    try:
        return mlflow.data.from_spark(rows, table_name=table, name=table)
    except Exception:  # MLflow asks for details of the table, which not all who may read it may see
        return mlflow.data.from_spark(rows, name=table)
