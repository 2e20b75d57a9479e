from typing import NamedTuple


# COMMAND ----------


# DBTITLE 1,Rows: what is learnt from, and what is held out
# The newest rows by observed_at are held out; without that column, a fixed share by a hash of the key.
# Either way a row that is held out today was never learnt from by what was judged before; where another
# HOLDOUT_SHARE was then, versions are compared on rows that both held out.
class Skipped(Exception):
    """There is nothing to train, for a reason that is no failure."""


def remarks_on_share(learnt: int, held_out: int) -> list[str]:
    """A sentence where another share than HOLDOUT_SHARE is held out."""
    share = held_out / (learnt + held_out)
    if abs(share - HOLDOUT_SHARE) < 0.05:
        return []
    found = f"{held_out} of {learnt + held_out} rows are held out, {share:.0%} and not {HOLDOUT_SHARE:.0%}"
    return [f"{found}: rows with the same observed_at stay together, and some may have been left out"]


def read_table(table: str) -> mlflow.data.Dataset:
    """A table as of its newest Delta version; as it is where that cannot be read, as of a view."""
    spark = SparkSession.builder.getOrCreate()
    try:
        newest = spark.sql(f"DESCRIBE HISTORY {table} LIMIT 1").first()
        dataset = mlflow.data.load_delta(table_name=table, version=str(newest.version))
        _ = dataset.df.schema  # Spark says here if it cannot be read
        return dataset
    except Exception:
        if not spark.catalog.tableExists(table):
            is_made = table.endswith(f".{DOMAIN}_features")
            remedy = f"run the task features_{DOMAIN} first" if is_made else "make it, or correct gold_schema"
            raise ValueError(f"there is no table {table}; {remedy}") from None
        rows = spark.table(table)
    try:
        return mlflow.data.from_spark(rows, table_name=table, name=table)
    except Exception:  # MLflow asks for details of the table, which not all who may read it may see
        return mlflow.data.from_spark(rows, name=table)


def newest_part(rows: DataFrame, share: float) -> tuple[int, str]:
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


class TrainingData(NamedTuple):
    """What a training reads: two tables, as MLflow logs them, and their rows."""

    gold: mlflow.data.Dataset
    features: mlflow.data.Dataset
    training_set: TrainingSet
    train: << "SparkRows" if learning == "on_spark" else "pd.DataFrame" >>
    holdout: pd.DataFrame
    rules: dict[str, str]
    remarks: list[str]
# % if with_last
    last: pd.Series  # the label that each key of the holdout had before
# % endif


# % include train ~ lookup ~ "/lookup.py"
