# Databricks notebook source
# % set history = cookiecutter.history_domains | parse_names
# MAGIC %md
# MAGIC # Monitor one model
# MAGIC
# MAGIC Compares today's features and predictions with those of the holdout that the champion was judged on,
# MAGIC and its metrics on rows whose labels have arrived with those of the holdout. Training logged both as
# MAGIC `reference.json`. Predictions and metrics are of rows that the champion never learnt from, since it is
# MAGIC surer of those that it has. Figures go to `{catalog}.{feature_schema}.{model}_monitoring`, named as in
# MAGIC the drift table of Databricks, and to a run in the model's experiment.
# MAGIC
# MAGIC With `observed_at`, today is the last `window_days` before midnight after the newest row, or before
# MAGIC `as_of`; without it, all rows. Safe to run again: figures are merged by version, window and column.

# COMMAND ----------

import math
import re
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import mlflow
import numpy as np
import pandas as pd
# % if history
from databricks.feature_engineering import FeatureEngineeringClient
# % endif
from matplotlib import style
from matplotlib.figure import Figure
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

mlflow.set_registry_uri("databricks-uc")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Yours to change

# COMMAND ----------

MAX_PSI = 0.2  # population stability index; more is drift
MAX_MISSING = 0.1  # change of the share of missing values; more is drift
CHANCE = 1e-6  # a figure that chance gives this often or more is no alert: of few rows, it gives large ones
MIN_LABELS = 30  # fewer rows with new labels give no metrics
LEFT_OUT = []  # columns that are expected to drift, which get figures but no alert

# COMMAND ----------

dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("project", "", "Project, which names the experiment")
dbutils.widgets.text("domain", "", "Domain, which names the tables")
dbutils.widgets.text("model_name", "", "Name of the model, as registered")
dbutils.widgets.text("window_days", "7", "How many days are looked at")
dbutils.widgets.text("as_of", "", "Look at the time until this, as 2026-01-31 00:00:00; empty for the newest")
dbutils.widgets.text("retrain_on_alert", "false", "true if an alert starts the training pipeline")
# % if history
dbutils.widgets.text("history", "", "true if the domain has several rows per key")
# % endif

catalog = dbutils.widgets.get("catalog")
gold_schema = dbutils.widgets.get("gold_schema")
feature_schema = dbutils.widgets.get("feature_schema")
project = dbutils.widgets.get("project")
domain = dbutils.widgets.get("domain")
model_name = dbutils.widgets.get("model_name")
window_days = dbutils.widgets.get("window_days")
as_of = dbutils.widgets.get("as_of")
# % if history
has_history = dbutils.widgets.get("history") == "true"
# % endif

spark = SparkSession.builder.getOrCreate()
gold_table = f"{catalog}.{gold_schema}.{domain}"
feature_table = f"{catalog}.{feature_schema}.{domain}_features"
registered_model = f"{catalog}.{feature_schema}.{model_name}"
predictions_table = f"{registered_model}_predictions"
monitoring_table = f"{registered_model}_monitoring"
key = f"{domain}_id"

# COMMAND ----------


# DBTITLE 1,Distances between two distributions, each as the number of rows in each bin
def shares(counts: list) -> np.ndarray:
    """The share of each bin, with half a row more in each, so that none is 0."""
    counts = np.asarray(counts, dtype=float) + 0.5
    return counts / counts.sum()


def population_stability_index(then: list, now: list) -> float:
    """The index; 0 if both are equal."""
    p, q = shares(then), shares(now)
    return float(np.sum((q - p) * np.log(q / p)))


def js_distance(then: list, now: list) -> float:
    """The Jensen-Shannon distance, by natural logarithms."""
    p, q = np.asarray(then) / np.sum(then), np.asarray(now) / np.sum(now)
    middle = (p + q) / 2
    parts = [np.sum(part[part > 0] * np.log(part[part > 0] / middle[part > 0])) for part in (p, q)]
    return math.sqrt(max(sum(parts) / 2, 0))


def chi_squared_tail(value: float, freedom: int) -> float:
    """How often a chi-squared variable is larger than a value."""
    half, odd = value / 2, freedom % 2
    if half <= 0 or not freedom:
        return 1.0
    terms = [a * math.log(half) - half - math.lgamma(a + 1) for a in np.arange(odd / 2, freedom / 2)]
    return min(odd * math.erfc(math.sqrt(half)) + sum(map(math.exp, terms)), 1.0)


def chi_squared_test(then: list, now: list) -> tuple[float, float]:
    """Statistic and p-value of both being drawn from the same."""
    table = np.array([then, now], dtype=float)
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, chi_squared_tail(statistic, table.shape[1] - 1)


def ks_test(then: list, now: list) -> tuple[float, float]:
    """Statistic of Kolmogorov and Smirnov, at the edges of the bins, and its asymptotic p-value."""
    size = 1 / (1 / np.sum(then) + 1 / np.sum(now))
    largest = float(np.abs(np.cumsum(then) / np.sum(then) - np.cumsum(now) / np.sum(now)).max())
    orders = np.arange(1, 101)
    tail = 2 * np.sum((-1.0) ** (orders - 1) * np.exp(-2 * size * (orders * largest) ** 2))
    return largest, 1.0 if size * largest**2 < 0.04 else float(np.clip(tail, 0, 1))


def wasserstein_distance(then: list, means_then: list, now: list, means_now: list) -> float:
    """How far rows must be moved on average, with those of a bin at its mean."""
    places = np.concatenate([means_then, means_now])
    weights = np.concatenate([np.asarray(then) / np.sum(then), -np.asarray(now) / np.sum(now)])
    order = np.argsort(places)
    return float(np.sum(np.abs(np.cumsum(weights[order]))[:-1] * np.diff(places[order])))


def compare(then: dict, now: dict) -> dict:
    """All figures of a column; none where one side has no values."""
    if not sum(then["counts"]) or not sum(now["counts"]):
        return {}
    counts = then["counts"], now["counts"]
    found = {
        "population_stability_index": population_stability_index(*counts),
        "js_distance": js_distance(*counts),
    }
    if "texts" in then:
        return {**found, "chi_squared_test": chi_squared_test(*counts)}
    places = then["counts"], then["means"], now["counts"], now["means"]
    return {**found, "ks_test": ks_test(*counts), "wasserstein_distance": wasserstein_distance(*places)}


def alerts_of(name: str, then: dict, now: dict, is_feature: bool) -> list[tuple[float, str]]:
    """What is beyond its threshold and no chance, each with how many times the threshold it is."""
    found, rows = [], (sum(then["counts"]), sum(now["counts"]))
    if all(rows):
        noise, freedom = 1 / rows[0] + 1 / rows[1], len(then["counts"]) - 1
        index = population_stability_index(then["counts"], now["counts"])
        above = index - freedom * noise  # chance alone gives about the rest
        if above > MAX_PSI and chi_squared_tail(index / noise, freedom) < CHANCE:
            found.append((above / MAX_PSI, f"{name} has a PSI of {index:.2f}, {index - above:.2f} by chance"))
    change = now["missing"] - then["missing"]
    if is_feature and abs(change) > MAX_MISSING:
        noise = 1 / (rows[0] / (1 - then["missing"]) if rows[0] else 1) + 1 / max(now["rows"], 1)
        share = (then["missing"] + now["missing"]) / 2
        if chi_squared_tail(change**2 / (share * (1 - share) * noise), 1) < CHANCE:
            missing = f"{now['missing']:.0%} of {name} are missing, {then['missing']:.0%} then"
            found.append((abs(change) / MAX_MISSING, missing))
    return found


# COMMAND ----------


# DBTITLE 1,Metrics on rows whose labels have arrived, by sums that Spark makes of them
def classification_metrics(cells: dict[str, np.ndarray]) -> dict[str, float]:
    """The metrics of cells that have a label, mean probability, prediction and number of rows each."""
    label, probability, predicted, rows = (cells[name] for name in ("label", "mean", "predicted", "rows"))
    positive, negative = rows * label, rows * (1 - label)
    if not positive.sum() or not negative.sum():
        return {}
    bins = cells["bin"]
    hits, alarms = np.bincount(bins, positive), np.bincount(bins, negative)
    below = np.cumsum(alarms) - alarms / 2
    found, flagged = np.cumsum(hits[::-1]), np.cumsum((hits + alarms)[::-1])
    true = (positive * predicted).sum()
    inside = np.clip(probability, 1e-15, 1 - 1e-15)
    loss = -(positive * np.log(inside) + negative * np.log(1 - inside)).sum()
    return {
        "roc_auc": (hits * below).sum() / (positive.sum() * negative.sum()),
        "average_precision": (hits[::-1] * found / np.maximum(flagged, 1e-9)).sum() / positive.sum(),
        "log_loss": loss / rows.sum(),
        "brier_score": (rows * (label - probability) ** 2).sum() / rows.sum(),
        "f1": 2 * true / (positive.sum() + (rows * predicted).sum()),
        "precision": true / max((rows * predicted).sum(), 1e-9),
        "recall": true / positive.sum(),
    }


def regression_metrics(groups: dict[str, np.ndarray]) -> dict[str, float]:
    """The metrics of groups of rows, by the sums of each."""
    total = {name: values.sum() for name, values in groups.items()}
    spread = total["squares"] - total["labels"] ** 2 / total["rows"]
    return {
        "rmse": math.sqrt(total["squared_errors"] / total["rows"]),
        "mae": total["errors"] / total["rows"],
        **({"r2": 1 - total["squared_errors"] / spread} if spread > 0 else {}),
    }


def multiclass_metrics(groups: dict[str, np.ndarray]) -> dict[str, float]:
    """The metrics of groups of rows, by the sums of each: of losses, and of how many were right."""
    total = {name: values.sum() for name, values in groups.items()}
    return {"log_loss": total["labels"] / total["rows"], "accuracy": total["errors"] / total["rows"]}


def cells_of(parts: dict[int, tuple]) -> dict[str, np.ndarray]:
    """Rows by label, prediction, and bin of the probability, which `live_part` writes as one number."""
    place, (rows, total) = np.array(list(parts)), np.array([sums[:2] for sums in parts.values()]).T
    found = {"label": place // 2 % 2, "predicted": place % 2, "bin": place // 4}
    return {**found, "rows": rows, "mean": total / rows}


def groups_of(parts: dict[int, tuple]) -> dict[str, np.ndarray]:
    """Sums of about a thousand groups of rows; those of a key are in the same."""
    names = ("rows", "labels", "squares", "errors", "squared_errors")
    return dict(zip(names, np.array(list(parts.values()), dtype=float).T, strict=True))


def with_intervals(parts: dict[str, np.ndarray], metrics_of: Callable) -> dict[str, tuple]:
    """Each metric, with three standard errors to both sides, by a bootstrap of the parts."""
    chance, drawn = np.random.default_rng(42), []
    for _ in range(200):
        if metrics_of is not classification_metrics:
            times = chance.poisson(1, len(parts["rows"]))
            draw = {name: values * times for name, values in parts.items()}
        else:
            draw = {**parts, "rows": chance.poisson(parts["rows"])}
        if draw["rows"].sum():
            drawn.append(metrics_of(draw))
    found = {}
    for name, value in metrics_of(parts).items():
        error = 3 * float(np.std([draw[name] for draw in drawn if name in draw]))
        found[name] = value, value - error, value + error
    return found


def metric_alerts(live: dict[str, tuple], count: int, reference: dict) -> list[str]:
    """What the champion is compared by, if its whole interval is worse than that of the holdout."""
    name = reference.get("compared_by")
    if name not in live or name not in reference["metrics"]:
        return []
    (value, low, high), (then, least, most) = live[name], reference["metrics"][name]
    if (low > most) if reference["lower_is_better"] else (high < least):
        now = f"{name} is {value:.4g} ({low:.4g} to {high:.4g}) on {count} rows with labels"
        return [f"{now}, {then:.4g} ({least:.4g} to {most:.4g}) on the holdout"]
    return []


# COMMAND ----------


# DBTITLE 1,Rows
class Skipped(Exception):
    """There is nothing to compare, for a reason that is no failure."""


def column(name: str) -> Column:
    """A column by its name alone, which may have dots and spaces."""
    return F.col(f"`{name}`")


def champion() -> tuple[str, dict, dict]:
    """The champion's version, its tags, and the reference that its training logged."""
    client = mlflow.MlflowClient()
    try:
        version = client.get_model_version_by_alias(registered_model, "champion")
    except MlflowException as error:
        if not re.search(r"(?i)not.found|does.not.exist", str(error)):
            raise
        raise Skipped("no champion yet, so there is nothing to monitor") from error
    if "reference.json" not in [file.path for file in client.list_artifacts(version.run_id)]:
        raise Skipped(f"champion {version.version} was trained without reference.json; train a new version")
    reference = mlflow.artifacts.load_dict(f"runs:/{version.run_id}/reference.json")
    return str(version.version), version.tags, reference


def existing(*names: str) -> set[str]:
    """Which of these tables of the features' schema there are."""
    found = spark.sql(f"SHOW TABLES IN {catalog}.{feature_schema} LIKE '{'|'.join(names)}'").collect()
    return {row["tableName"].lower() for row in found}


def label_of(gold: DataFrame, reference: dict) -> Column:
    """The label as training took it, a number or a class; NULL where there is none."""
    name = reference["label"]
    if name is None or name not in gold.columns:
        return F.lit(None).cast("string" if "classes" in reference else "double")
    if "classes" in reference:
        text, is_number = column(name).cast("string"), dict(gold.dtypes)[name] in ("double", "float")
        return F.when(F.abs(name) < float("inf"), text) if is_number else F.trim(text)
    if "positive" not in reference:
        return F.when(F.abs(name) < float("inf"), column(name).cast("double"))
    if isinstance(gold.schema[name].dataType, StringType):
        return F.lower(F.trim(name)).isin(reference["positive"]).cast("double")
    positive = pd.to_numeric(pd.Series(reference["positive"]), errors="coerce").dropna().tolist()
    number = column(name).cast("double")
    return F.when(F.abs(number) < float("inf"), number.isin(positive).cast("double"))


def gold_rows(reference: dict) -> tuple[DataFrame, bool]:
    """Key, time, label, and whether the champion never learnt from the row; and whether rows have a time."""
    gold = spark.table(gold_table)
    columns = {"_label": label_of(gold, reference)}
    has_time = "observed_at" in map(str.lower, gold.columns)
    if has_time:
        columns["observed_at"] = F.col("observed_at").cast("timestamp")
    rows = gold.select(key, *(value.alias(name) for name, value in columns.items()))
    rows = rows.where(F.col(key).isNotNull()).withColumn("_new", F.expr(reference["never_learnt"]))
    if has_time:
        return rows.where("observed_at IS NOT NULL"), True
    return rows.withColumn("observed_at", F.lit(None).cast("timestamp")), False


def choose_windows(rows: DataFrame, has_time: bool) -> tuple[DataFrame, datetime, datetime]:
    """Marks rows of today, `_now`, and of the newest labels, `_live`; says when today begins and ends."""
    days = timedelta(days=float(window_days))
    until = F.lit(as_of).cast("timestamp") if as_of else F.current_timestamp()
    is_live = F.col("_label").isNotNull() & F.col("_new")
    if not has_time:
        if as_of:
            raise Skipped(f"{gold_table} has no column observed_at, so the past cannot be looked at")
        today = spark.sql("SELECT string(current_date())").first()[0]
        start = datetime.fromisoformat(today)
        return rows.withColumns({"_now": F.lit(True), "_live": is_live}), start, start + timedelta(days=1)
    time = F.when(F.col("observed_at") <= until, F.col("observed_at"))
    times = {"row": F.max(time), "label": F.max(F.when(is_live, time)), "until": F.max(until)}
    newest = rows.agg(*(value.cast("string").alias(name) for name, value in times.items())).first()
    if newest["row"] is None:
        raise Skipped(f"{gold_table} has no row until {as_of or 'now'}")
    end = datetime.fromisoformat(newest["until"] if as_of else newest["row"])
    if not as_of:
        end = end.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    labelled = datetime.fromisoformat(newest["label"] or newest["row"])
    first, after, past, last = (
        F.lit(str(moment)).cast("timestamp") for moment in (end - days, end, labelled - days, labelled)
    )
    is_now, is_recent = (time >= first) & (time < after), (time > past) & (time <= last)
    rows = rows.withColumns({"_now": F.coalesce(is_now, F.lit(False)), "_live": is_live & is_recent})
    return rows, end - days, end


def with_predictions(
    rows: DataFrame, version: str, tags: dict, reference: dict, is_scored: bool
) -> DataFrame:
    """The rows with `_predicted` by the champion, if that is known; of classes also `_probabilities`."""
    model_type, classes = tags.get("model_type", ""), reference.get("classes")
    name = {"classification": "probability", "anomaly": "score"}.get(model_type, "prediction")
    columns = {"_predicted": (name, "string" if classes else "double")}
    if classes:
        columns["_probabilities"] = ("probabilities", "map<string, double>")
# % if history
    if has_history:
        scored = FeatureEngineeringClient().score_batch(
            model_uri=f"models:/{registered_model}/{version}",
            df=rows.select(key, "observed_at"),
            result_type="array<double>" if model_type in ("classification", "multiclass") else "double",
        )
        found = {"_predicted": F.col("prediction")}
        if classes:
            names = F.array(*map(F.lit, classes))
            place = F.array_position("prediction", F.array_max("prediction")).cast("int")
            found = {"_predicted": F.element_at(names, place)}
            found["_probabilities"] = F.map_from_arrays(names, "prediction")
        elif model_type == "classification":
            found = {"_predicted": F.element_at("prediction", 2)}
        values = (value.alias(name) for name, value in found.items())
        return rows.join(scored.select(key, "observed_at", *values), [key, "observed_at"])
# % endif
    if not is_scored:
        return rows.withColumns({name: F.lit(None).cast(kind) for name, (_, kind) in columns.items()})
    predictions = spark.table(predictions_table).where(F.col("model_version") == int(version))
    values = (F.col(given).cast(kind).alias(name) for name, (given, kind) in columns.items())
    return rows.join(predictions.select(key, *values), key, "left")


def bins_of(values: pd.Series, then: dict) -> np.ndarray:
    """The bin of each value, -1 of a missing one."""
    if "texts" in then:
        found = pd.Index(then["texts"], dtype=object).get_indexer(values)
        bins = np.where(found < 0, len(then["texts"]), found)
    else:
        bins = np.searchsorted(then["edges"], values)
    return np.where(values.isna(), -1, bins)


def sums_of(part: int, bins: np.ndarray, **terms: pd.Series) -> pd.DataFrame:
    """How many rows each bin has, and the sums of these terms; what is missing adds nothing."""
    found, place, counts = np.unique(bins, return_inverse=True, return_counts=True)
    sums = {name: np.bincount(place, term.fillna(0), len(found)) for name, term in terms.items()}
    return pd.DataFrame({"part": part, "bin": found, "count": counts, **sums})


def live_part(tags: dict, reference: dict) -> tuple[Column, Column, Column]:
    """Group, value and error of a row with a new label; of a classification, the group says the rest."""
    label, predicted = F.col("_label"), F.col("_predicted")
    group = F.expr(f"pmod(xxhash64({key}, 'group'), 1000)").cast("int")
    if "classes" in reference:
        loss = -F.log(F.greatest(F.element_at("_probabilities", label), F.lit(1e-15)))
        return group, loss, (label == predicted).cast("double")
    if "positive" not in reference:
        return group, label, label - predicted
    is_positive = predicted >= float(tags["threshold"])
    inside = F.least(F.greatest(predicted, F.lit(1e-9)), F.lit(1 - 1e-9))
    odds = F.floor(200 * (F.log(inside / (1 - inside)) + 21))  # as fine for probabilities near 0 and 1
    place = odds * 4 + label * 2 + is_positive.cast("int")
    return place.cast("int"), predicted, F.lit(None).cast("double")


def count_bins(
    rows: DataFrame, columns: dict[str, tuple[str, Column, dict]], live: tuple[Column, ...] | None
) -> tuple[dict[str, dict], dict[int, tuple]]:
    """What each column has now, in each bin; and the sums of each group of rows with new labels.

    A column comes with which rows count, `_now` or `_new`, its value, and its reference. Spark's workers
    count the rows, batch after batch: its own expressions take seven times as long.
    """
    asked = [(which, then) for which, _, then in columns.values()]
    flags = {
        "_now": F.col("_now"),
        "_new": F.expr("_now AND _new"),
        "_live": F.lit(False) if live is None else F.expr("_live AND _predicted IS NOT NULL"),
    }
    given = {name: F.coalesce(flag, F.lit(False)) for name, flag in flags.items()}
    given |= dict(zip(("_group", "_value", "_error"), live or [F.lit(0.0)] * 3, strict=True))
    for index, (_, value, then) in enumerate(columns.values()):
        is_text = "texts" in then
        given[f"column_{index}"] = value.cast("string") if is_text else value.cast("float").cast("double")

    def count(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            chosen, found = {which: batch[batch[which]] for which in ("_now", "_new", "_live")}, []
            for index, (which, then) in enumerate(asked):
                values = chosen[which][f"column_{index}"]
                terms = {} if "texts" in then else {"value": values}
                found.append(sums_of(index, bins_of(values, then), **terms))
            labelled = chosen["_live"]
            value, error = labelled["_value"], labelled["_error"]
            terms = {"value": value, "square": value**2, "error": error.abs(), "squared_error": error**2}
            found.append(sums_of(-1, labelled["_group"].to_numpy("int64"), **terms))
            yield pd.concat(found).fillna(0)

    sums = ("value", "square", "error", "squared_error")
    schema = ", ".join(["part int, bin bigint, count bigint", *(f"{name} double" for name in sums)])
    selected = rows.select(*(value.alias(name) for name, value in given.items()))
    counted = selected.mapInPandas(count, schema).groupBy("part", "bin")
    totals = counted.agg(*(F.sum(name).alias(name) for name in ("count", *sums))).collect()
    found = {(part, number): tuple(values) for part, number, *values in totals}
    now = {}
    for index, (name, (*_, then)) in enumerate(columns.items()):
        bins = [found.get((index, number), (0, 0.0)) for number in range(len(then["counts"]))]
        counts, missing = [rows for rows, *_ in bins], found.get((index, -1), (0,))[0]
        means = [total / max(rows, 1) for rows, total, *_ in bins]
        total = sum(counts) + missing
        now[name] = {"counts": counts, "means": means, "rows": total, "missing": missing / max(total, 1)}
    return now, dict(sorted((number, sums) for (place, number), sums in found.items() if place == -1))


# COMMAND ----------

# DBTITLE 1,What is kept: figures in the table, series and a picture in a run
FIGURES = {
    "model_version": "BIGINT",
    "window": "STRUCT<start: TIMESTAMP, end: TIMESTAMP>",
    "granularity": "STRING",
    "column_name": "STRING",
    "drift_type": "STRING",
    "count": "BIGINT",
    "percent_null": "DOUBLE",
    "population_stability_index": "DOUBLE",
    "js_distance": "DOUBLE",
    "ks_test": "STRUCT<statistic: DOUBLE, pvalue: DOUBLE>",
    "wasserstein_distance": "DOUBLE",
    "chi_squared_test": "STRUCT<statistic: DOUBLE, pvalue: DOUBLE>",
    "metrics": "ARRAY<STRUCT<name: STRING, value: DOUBLE, low: DOUBLE, high: DOUBLE>>",
}
TABLE = ":table"  # the column_name of what holds for all columns, as Databricks writes it


def rounded(value: object) -> object:
    """Six digits of each number: Spark's sums differ in the last ones from run to run."""
    if isinstance(value, tuple | list):
        return type(value)(map(rounded, value))
    return float(f"{value:.6g}") if isinstance(value, float) else value


def write_figures(rows: list[dict], version: str, window: tuple, granularity: str, is_new: bool) -> dict:
    """Merges the figures by version, window and column; gives those of the last 30 windows, as `windows_of`.

    What stands in the table already is not written again.
    """
    start, end = map(str, window)
    given = {"granularity": granularity, "drift_type": "BASELINE"}
    names = [name for name in FIGURES if name not in ("model_version", "window")]
    values = {
        row["column_name"]: tuple(rounded({**given, **row}.get(name)) for name in names) for row in rows
    }
    windows = {} if is_new else read_windows(version, names)
    written = windows.get((end, start), {})
    windows[end, start] = {**written, **values}
    if any(written.get(name) != value for name, value in values.items()):
        types = ", ".join(f"`{name}` {FIGURES[name]}" for name in names)
        times = {"start": F.lit(start).cast("timestamp"), "end": F.lit(end).cast("timestamp")}
        figures = spark.createDataFrame(list(values.values()), types).select(
            F.lit(int(version)).cast("bigint").alias("model_version"),
            F.struct(*(time.alias(name) for name, time in times.items())).alias("window"),
            *names,
        )
        if is_new:
            figures.writeTo(monitoring_table).using("delta").create()
        else:
            keys = ("model_version", "window", "column_name")
            spark.sql(
                f"MERGE INTO {monitoring_table} t USING {{figures}} s "
                f"ON {' AND '.join(f't.{name} = s.{name}' for name in keys)} "
                "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
                figures=figures,
            )
    return windows_of(windows, names)


def read_windows(version: str, names: list[str]) -> dict[tuple[str, str], dict[str, tuple]]:
    """The figures of the version's last 30 windows: by the end and start of each, then by column."""
    windows: dict[tuple[str, str], dict[str, tuple]] = {}
    of_version = spark.table(monitoring_table).where(F.col("model_version") == int(version))
    age = F.expr("dense_rank() OVER (ORDER BY `window`.`end` DESC)").alias("_age")
    times = [F.col(f"window.{name}").cast("string").alias(f"_{name}") for name in ("end", "start")]
    for _, end, start, *values in of_version.select(age, *times, *names).where("_age <= 30").collect():
        key = tuple(str(datetime.fromisoformat(time)) for time in (end, start))
        windows.setdefault(key, {})[values[names.index("column_name")]] = tuple(values)
    return windows


def windows_of(windows: dict[tuple[str, str], dict[str, tuple]], names: list[str]) -> dict:
    """The PSI and metrics of the last 30 windows: by the day each ended, then by column."""
    found: dict[str, dict[str, dict]] = {}
    psi, metrics = names.index("population_stability_index"), names.index("metrics")
    for (end, _), columns in sorted(windows.items()):
        each = {name: {"psi": row[psi], "metrics": row[metrics] or []} for name, row in columns.items()}
        found.setdefault(end, {}).update(each)
    return dict(list(found.items())[-30:])


def series_of(windows: dict[str, dict[str, dict]], label: str | None) -> list[Metric]:
    """The largest PSI, that of predictions, and each live metric, by the day on which the window ended."""
    found = []
    for end, columns in windows.items():
        day = datetime.fromisoformat(end)
        stamp, step = int(day.timestamp() * 1000), (day - datetime(1970, 1, 1)).days
        psi = {name: each["psi"] for name, each in columns.items() if each["psi"] is not None}
        features = [value for name, value in psi.items() if name not in ("prediction", label)]
        values = {"largest_psi": max(features)} if features else {}
        if "prediction" in psi:
            values["prediction_psi"] = psi["prediction"]
        for metric, value, *_ in columns.get(TABLE, {}).get("metrics", []):
            values[f"live_{metric}"] = value
        found += [Metric(name, value, stamp, step) for name, value in values.items()]
    return found


def draw(windows: dict, reference: dict, now: dict[str, dict]) -> Figure:
    """Columns by windows, the worst columns then and now, and the live metric beside the holdout's."""
    last = list(windows)[-1]
    order = sorted(
        (name for name in windows[last] if name != TABLE), key=lambda name: -(windows[last][name]["psi"] or 0)
    )[:20]
    names = [name if len(name) <= 30 else f"{name[:29]}…" for name in order]
    margins = {"left": 0.03 + 0.006 * max(8, *map(len, names)), "right": 0.98, "bottom": 0.09, "top": 0.95}
    figure = Figure(figsize=(13, 8))  # margins by hand: finding them takes as long as all the rest
    grid = figure.add_gridspec(3, 2, width_ratios=[1.3, 1], hspace=0.6, wspace=0.15, **margins)
    heat = figure.add_subplot(grid[:2, 0])
    psi = [[windows[end].get(name, {}).get("psi") for end in windows] for name in order]
    image = heat.imshow(np.array(psi, dtype=float), aspect="auto", cmap="YlOrRd", vmin=0, vmax=3 * MAX_PSI)
    heat.set_yticks(range(len(order)), names)
    some = range(0, len(windows), math.ceil(len(windows) / 5))
    heat.set_xticks(some, [list(windows)[place][:10] for place in some])
    heat.set(title=f"{model_name}: PSI by the end of the window", xlabel="")
    figure.colorbar(image, ax=heat, pad=0.02, label=f"PSI, at most {MAX_PSI} is quiet")
    for row, name in enumerate(order[:3]):
        bars = figure.add_subplot(grid[row, 1])
        draw_bins(bars, name, reference["columns"][name], now[name])
    live = figure.add_subplot(grid[2, 0])
    draw_metric(live, windows, reference)
    return figure


def draw_bins(axes: object, name: str, then: dict, now: dict) -> None:
    """The share of rows in each bin, then and now."""
    edges = [f"{edge:.3g}" for edge in then.get("edges", [])]
    names = [*then["texts"], "other"] if "texts" in then else [*(f"≤ {edge}" for edge in edges), "more"]
    shown = np.arange(len(names))
    if "texts" in then:
        shown = np.argsort(-np.add(then["counts"], now["counts"]))[:12]
    for offset, label, rows in ((-0.2, "holdout", then["counts"]), (0.2, "now", now["counts"])):
        axes.bar(np.arange(len(shown)) + offset, np.array(rows)[shown] / max(sum(rows), 1), 0.4, label=label)
    axes.set_xticks(range(len(shown)), [names[place][:12] for place in shown], rotation=30, ha="right")
    axes.set(title=name, ylabel="share of rows")
    axes.margins(y=0.3)
    axes.legend(loc="upper right", ncols=2, fontsize="small")


def draw_metric(axes: object, windows: dict, reference: dict) -> None:
    """The live metric that decides, with its interval, beside that of the holdout."""
    name = reference.get("compared_by")
    found = {
        end[:10]: values
        for end, columns in windows.items()
        for metric, *values in columns.get(TABLE, {}).get("metrics", [])
        if metric == name
    }
    if not found:
        axes.set_axis_off()
        missing = f"{name} on no rows with new labels" if name else "without a label there is no live metric"
        axes.text(0.5, 0.5, missing, ha="center", va="center")
        return
    value, low, high = reference["metrics"][name]
    axes.axhspan(low, high, color="tab:blue", alpha=0.2)
    axes.axhline(value, color="tab:blue", label="holdout")
    places, values = range(len(found)), [value for value, _, _ in found.values()]
    spans = [[value - low, high - value] for value, low, high in found.values()]
    axes.errorbar(places, values, np.transpose(spans), fmt="o-", color="tab:orange", capsize=3, label="live")
    some = range(0, len(found), math.ceil(len(found) / 5))
    axes.set_xticks(some, [list(found)[place] for place in some])
    axes.set(title=f"{name} on rows with new labels", ylabel=name)
    axes.legend()


def log_run(version: str, windows: dict, reference: dict, now: dict[str, dict], alerts: str) -> None:
    """A run in the model's experiment, with the series and, if it can be drawn, the picture."""
    experiment = mlflow.set_experiment(f"/Shared/{project}_ml_{model_name}").experiment_id
    name = f"{model_name}_monitoring_{datetime.now():%Y%m%d_%H%M%S}"
    with mlflow.start_run(experiment_id=experiment, run_name=name) as run:
        tags = {"project": project, "domain": domain, "model_name": model_name, "layer": "monitoring"}
        mlflow.set_tags({**tags, "model_version": version, "alerts": alerts[:1000].strip() or "none"})
        series = series_of(windows, reference["label"])
        mlflow.MlflowClient().log_batch(run.info.run_id, metrics=series)
        try:
            with style.context(["default", {"text.parse_math": False}]):  # else $ is mathematics
                mlflow.log_figure(draw(windows, reference, now), "monitoring.png")
        except Exception as error:
            print(f"No picture monitoring.png: {error!r}")


# COMMAND ----------


def check_parameters() -> None:
    """Refuses parameters that are no number of days, or no time."""
    try:
        if not float(window_days) > 0:
            raise ValueError
    except ValueError:
        raise ValueError(f"parameter window_days is {window_days!r}; give a number of days above 0") from None
    try:
        datetime.fromisoformat(as_of or "2026-01-31")
    except ValueError:
        raise ValueError(f"parameter as_of is {as_of!r}; give a time like 2026-01-31 00:00:00") from None


def live_metrics(parts: dict[int, tuple], reference: dict) -> tuple[dict[str, tuple], int]:
    """The champion's metrics on rows whose labels have arrived, and how many there are."""
    count = sum(rows for rows, *_ in parts.values())
    if count < MIN_LABELS:
        print(f"{count} rows with labels that the champion never learnt from; its metrics need {MIN_LABELS}")
        return {}, count
    if "positive" in reference:
        return with_intervals(cells_of(parts), classification_metrics), count
    metrics_of = multiclass_metrics if "classes" in reference else regression_metrics
    return with_intervals(groups_of(parts), metrics_of), count


def monitor() -> str:
    check_parameters()
    version, tags, reference = champion()
    label = reference["label"]
    tables = existing(f"{model_name}_predictions", f"{model_name}_monitoring")
    rows, has_time = gold_rows(reference)
    rows, start, end = choose_windows(rows, has_time)
    features = spark.table(feature_table)
    names = [name for name in reference["columns"] if name not in ("prediction", label)]
    gone = [name for name in names if name not in features.columns]
    if new := [name for name in features.columns if name not in (*names, key, "observed_at")]:
        print(f"new in {feature_table}, and not known to champion {version}: {', '.join(new)}")
# % if history
    keys = [key, "observed_at"] if has_history else [key]
# % else
    keys = [key]
# % endif
    is_scored = f"{model_name}_predictions" in tables
    rows = with_predictions(rows.where("_now OR _live"), version, tags, reference, is_scored)
    if "classes" in reference:  # a row of a class that the champion does not know gives no metric
        is_known = F.element_at("_probabilities", F.col("_label")).isNotNull()
        rows = rows.withColumn("_live", F.col("_live") & is_known)
    rows = rows.join(features.select(*keys, *(column(name) for name in names if name not in gone)), keys)
    columns = {name: each for name, each in reference["columns"].items() if name not in gone}
    named = {"prediction": "_predicted", label: "_label"}
    values = {
        name: ("_new" if name == "prediction" else "_now", column(named.get(name, name)), then)
        for name, then in columns.items()
    }
    is_measured = "metrics" in reference and not reference.get("weight")
    if reference.get("weight"):
        print("rows of this model are weighted, and metrics on new labels would not be, so there are none")
    now, parts = count_bins(rows, values, live_part(tags, reference) if is_measured else None)
    looked_at = max(each["rows"] for each in now.values())
    if not looked_at:
        raise Skipped(f"no row between {start} and {end}; give another as_of, or more window_days")
    live, labelled = live_metrics(parts, reference) if is_measured else ({}, 0)
    figures = {name: compare(then, now[name]) for name, then in columns.items()}
    alerts = [(math.inf, f"{name} is gone from {feature_table}") for name in gone]
    alerts += [(math.inf, alert) for alert in metric_alerts(live, labelled, reference)]
    for name, then in columns.items():
        if name not in (label, *LEFT_OUT):
            alerts += alerts_of(name, then, now[name], name != "prediction")
    written = [
        {"column_name": name, "count": now[name]["rows"], "percent_null": 100 * now[name]["missing"], **each}
        for name, each in figures.items()
    ]
    metrics = [(name, *values) for name, values in live.items()]
    written.append({"column_name": TABLE, "count": labelled, "metrics": metrics or None})
    granularity = f"{window_days} days" if has_time else "1 day"
    is_new = f"{model_name}_monitoring" not in tables
    windows = write_figures(written, version, (start, end), granularity, is_new)
    print(f"{looked_at} rows between {start} and {end}, {labelled} with new labels, by version {version}")
    alerts = [sentence for _, sentence in sorted(alerts, key=lambda alert: -alert[0])]
    log_run(version, windows, reference, now, "; ".join(alerts))
    if alerts:
        return f"ALERT: {'; '.join(alerts)}"[:1000]
    return "SUCCESS"


# COMMAND ----------

try:
    status = monitor()
except Skipped as reason:
    status = f"SKIPPED: {reason}"
except Exception as error:
    traceback.print_exc()
    status = f"FAILED: {' '.join(str(error).split()) or repr(error)}"[:1000]

# COMMAND ----------

retrain = status.startswith("ALERT") and dbutils.widgets.get("retrain_on_alert") == "true"
dbutils.jobs.taskValues.set(key="retrain", value="true" if retrain else "false")
dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
