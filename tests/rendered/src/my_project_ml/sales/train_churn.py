# Databricks notebook source
# MAGIC %md
# MAGIC # Train churn
# MAGIC
# MAGIC Learns whether `churn` holds from `sales_features`: 1 where the probability reaches the
# MAGIC threshold, else 0.
# MAGIC The version of `{catalog}.{feature_schema}.churn` with the alias `champion` scores. Safe to run
# MAGIC again: each run adds a run and a version.

# COMMAND ----------

import inspect
import logging
import re
import traceback
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distribution
from typing import NamedTuple

import mlflow
import numpy as np
import pandas as pd
from databricks.feature_engineering import FeatureEngineeringClient, FeatureLookup
from databricks.feature_engineering.training_set import TrainingSet
from matplotlib import style
from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException, RestException
from mlflow.types.schema import Array, ColSpec, DataType, Schema
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType
from sklearn import config_context
from sklearn import metrics as scores
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibrationDisplay
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    StratifiedKFold,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, TargetEncoder

mlflow.set_registry_uri("databricks-uc")
mlflow.autolog(disable=True)
# What these warn of is always so: Spark Connect has no RDD, and the raw model has the input example.
for noisy in ("mlflow.data.spark_dataset", "mlflow.tracking._model_registry.fluent"):
    logging.getLogger(noisy).setLevel(logging.ERROR)
warnings.filterwarnings("ignore", ".*(An input example was not provided|contains integer column)")

# The job gives the parameters. Fill them in above when you open this notebook by hand.
dbutils.widgets.text("catalog", "", "Catalog")
dbutils.widgets.text("gold_schema", "", "Schema of the gold tables")
dbutils.widgets.text("feature_schema", "", "Schema of features, models and predictions")
dbutils.widgets.text("project", "", "Project, which names the experiment")
dbutils.widgets.text("model_name", "", "Name of the model, as registered")
dbutils.widgets.text("features_status", "", "How the refresh of the features ended; empty by hand")
dbutils.widgets.text("approval", "automatic", "Who names the champion: automatic, or manual")
dbutils.widgets.text("promotion_margin", "0.01", "Share of what is left to win that a new champion wins")
dbutils.widgets.text("git_commit", "", "The commit that was deployed")

# COMMAND ----------

# DBTITLE 1,Yours to change
DOMAIN = "sales"
KEY = "sales_id"  # the primary key of the feature table
LABEL = "churn"  # a column of the gold table
POSITIVE = None  # the positive values, as ["churned"]; else the larger number, or "yes" and alike
USE_CASE = "sales: churn"
HOLDOUT_SHARE = 0.2
MIN_ROWS = 50  # fewer rows to learn from end as SKIPPED
MAX_ROWS = 1_000_000  # of more rows, about as many are used: a fixed sample of the keys
REFIT = True  # after a version is judged, it is fitted once more, on all rows; False leaves that out
WEIGHT = None  # a column of the gold table with how much each row counts, which is then no feature
SEGMENT = None  # a column of the gold table, by whose values the metrics are logged too
METRICS = {  # each compares the label with the probability or with the prediction
    "roc_auc": lambda truth, found, **weights: scores.roc_auc_score(truth, found["probability"], **weights),
    "average_precision": lambda truth, found, **weights: scores.average_precision_score(
        truth, found["probability"], **weights
    ),
    "log_loss": lambda truth, found, **weights: scores.log_loss(truth, found["probability"], **weights),
    "brier_score": lambda truth, found, **weights: scores.brier_score_loss(
        truth, found["probability"], **weights
    ),
    "f1": lambda truth, found, **weights: scores.f1_score(
        truth, found["prediction"], **weights, zero_division=0
    ),
    "precision": lambda truth, found, **weights: scores.precision_score(
        truth, found["prediction"], **weights, zero_division=0
    ),
    "recall": lambda truth, found, **weights: scores.recall_score(truth, found["prediction"], **weights),
}
COMPARED_BY, LOWER_IS_BETTER = "roc_auc", False
# The scikit-learn scorer that the threshold between 0 and 1 makes largest; or the threshold, as 0.3. A change
# makes no version better by ROC AUC, so promote the one that has it by hand, with -t of your target:
# databricks registered-models set-alias CATALOG.SCHEMA.churn champion VERSION
THRESHOLD_BY = "f1"
MODEL_TYPE = "classification"
ALGORITHM = "gradient_boosting"
PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn"]  # that the model needs to predict
FOLDS, SEARCH = 3, {"model__max_leaf_nodes": [4, 31]}  # cross-validation; {} for none


def new_model(features: pd.DataFrame) -> Pipeline:
    """A model for these features, not fitted yet: text is encoded, missing values stay missing."""
    text = list(features.select_dtypes(exclude="number"))
    many = [name for name in text if features[name].nunique() > 200]  # such as codes
    few = [name for name in text if name not in many]
    no_none = FunctionTransformer(pd.DataFrame.where, kw_args={"cond": pd.notna})  # makes None NaN
    by_order = OrdinalEncoder(
        min_frequency=10,  # rarer texts are one category
        max_categories=200,
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )
    by_label = TargetEncoder(target_type="binary", random_state=42)  # the mean label of each
    model = HistGradientBoostingClassifier(
        max_iter=1000,
        early_stopping=True,  # True: once a tenth of the rows is predicted no better
        n_iter_no_change=20,
        learning_rate=0.05,
        categorical_features=list(range(len(few))),
        random_state=42,
    )
    columns = ColumnTransformer(
        [("few", make_pipeline(no_none, by_order), few), ("many", make_pipeline(no_none, by_label), many)],
        remainder="passthrough",
    )
    return Pipeline([("encode", columns), ("model", model)])


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
    train: pd.DataFrame
    holdout: pd.DataFrame
    rules: dict[str, str]
    remarks: list[str]


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


def read_rows(gold: DataFrame) -> tuple[DataFrame, dict[str, str]]:
    """The rows, or a sample of them, each with `_held_out`; and the rules that decide what they are."""
    rows, sample = select_rows(gold), "all rows"
    count, holdout = part_of(rows, HOLDOUT_SHARE)
    if count > MAX_ROWS:
        sample = f"pmod(xxhash64({KEY}, 'sample'), 10000) < {10000 * MAX_ROWS // count}"
        rows = rows.where(sample)
        print(f"{count} rows are more than MAX_ROWS, so those with {sample} are used")
    return rows.withColumn("_held_out", F.expr(holdout)), {"rows": sample, "holdout": holdout}


def collect(frame: DataFrame) -> pd.DataFrame:
    """The rows that have features, by time or else by key, which is the index; numbers as 32-bit floats."""
    order = [name for name in ("observed_at", KEY) if name in frame.columns]
    given = [name for name in ("_weight", "_segment") if name in frame.columns]
    others = (*order, *given, LABEL, "_held_out", "_last")
    features = [name for name in frame.columns if name not in others]
    numbers = [name for name, kind in frame.dtypes if kind == "double" and name in features]
    floats = {name: F.col(f"`{name}`").cast("float") for name in numbers}
    rows = (frame.withColumns(floats) if floats else frame).toPandas()
    rows.attrs.clear()  # figures of Spark's, which pandas would copy in each step
    rows = rows.dropna(how="all", subset=features).sort_values(order)
    return rows.set_index([order[0], *given]).drop(columns=order[1:])


def load_data(gold_table: str, feature_table: str) -> TrainingData:
    """The rows to learn from and those held out, each with its features; raises Skipped for too few."""
    gold, features = read_table(gold_table), read_table(feature_table)
    rows, rules = read_rows(gold.df)
    if (ours := dict(rows.dtypes)[KEY]) != (theirs := dict(features.df.dtypes)[KEY]):
        raise ValueError(f"{KEY} is {ours} in {gold_table}, {theirs} in {feature_table}; make both the same")
    unused = [WEIGHT] if WEIGHT else []
    no_features = [*unused, *(name for name in rows.columns if name != LABEL)]
    training_set = create_training_set(rows.where("NOT _held_out"), feature_table, no_features)
    joined = rows.join(features.df.drop(*unused), KEY)  # as load_df does, but with the time and _held_out
    found = collect(joined)
    train, holdout = (found[found["_held_out"] == part].drop(columns="_held_out") for part in (False, True))
    if len(train) < MIN_ROWS or holdout.empty:
        found = f"{len(train)} rows with {LABEL or KEY} to learn from, {len(holdout)} held out"
        raise Skipped(f"{gold_table}: {found}; {MIN_ROWS} and 1 needed")
    for name, part, least in (("rows to learn from", train, FOLDS), ("holdout", holdout, 1)):
        if part[LABEL].nunique() == 1 or part[LABEL].value_counts().min() < least:
            raise Skipped(f"the {name} have a single class in label {LABEL}, or fewer than {least} of one")
    rules["rows_train"] = str(len(train))
    remarks = remarks_on_share(len(train), len(holdout)) if "observed_at" in train.index.names else []
    return TrainingData(gold, features, training_set, train, holdout, rules, remarks)


def label_value(gold: DataFrame) -> Column:
    """The label as it is compared: a text in lower case without blanks around it, or a number."""
    if isinstance(gold.schema[LABEL].dataType, StringType):
        return F.lower(F.trim(LABEL))
    number = F.col(LABEL).cast("double")
    return F.when(F.abs(number) < float("inf"), number)  # NaN is no label


def named_positive(gold: DataFrame) -> dict[str, str | float]:
    """What POSITIVE names, and each as `label_value` has it: NaN where that is a number, and this is none."""
    named = POSITIVE if isinstance(POSITIVE, (list, tuple, set)) else [POSITIVE]
    texts = {repr(one): str(one).strip().lower() for one in named if one is not None}
    if isinstance(gold.schema[LABEL].dataType, StringType):
        return texts
    numbers = {name: {"true": "1", "false": "0"}.get(text, text) for name, text in texts.items()}
    return {name: float(pd.to_numeric(text, errors="coerce")) for name, text in numbers.items()}


def positive_values(gold: DataFrame) -> list[str | float]:
    """The values that are positive: those of POSITIVE, or the one of two that is so by its name or size."""
    is_text = isinstance(gold.schema[LABEL].dataType, StringType)
    values = gold.select(label_value(gold).alias("value")).dropna().distinct().orderBy("value")
    found = [row.value for row in values.limit(10).collect()]
    words = ("1", "true", "t", "yes", "y", "positive")
    has = f"label {LABEL} has the values {', '.join(map(repr, found))}"
    positive = [text for text in found if text in words] if is_text else found[1:]
    if POSITIVE is not None:
        positive = [one for one in named_positive(gold).values() if one == one]  # NaN is not
        if len(found) > 1 and values.where(F.col("value").isin(positive)).isEmpty():
            raise ValueError(f"{has}; POSITIVE = {POSITIVE!r} is none of them, so correct it")
    elif len(found) > 2 or (len(found) == 2 and len(positive) != 1):
        other = ", or make the model's type multiclass" if len(found) > 2 else ""
        raise ValueError(f"{has}; write into POSITIVE which are positive{other}")
    return positive


def remarks_on_positive(gold: DataFrame) -> list[str]:
    """A sentence where POSITIVE names values that no row has."""
    named, label = named_positive(gold), label_value(gold)
    found = gold.agg(*[F.max(label == one) for one in named.values()]).first() if named else []
    unknown = [name for name, is_there in zip(named, found, strict=True) if not is_there]
    return [f"no row has {', '.join(unknown)}, which POSITIVE names"] if unknown else []


def binary_label(gold: DataFrame) -> Column:
    """1 where the value is positive, else 0; NULL where there is none."""
    return label_value(gold).isin(positive_values(gold)).cast("double")


def select_rows(gold: DataFrame) -> DataFrame:
    """Key, label and time of the rows with a label, and what WEIGHT and SEGMENT ask for."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    rows = with_weight(with_time(gold, binary_label(gold).alias(LABEL), *row_columns(gold)))
    return rows.where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels


def row_columns(gold: DataFrame) -> list[Column]:
    """WEIGHT and SEGMENT, where they are set, as `_weight` and `_segment`."""
    found = []
    for constant, name, kind in (("WEIGHT", WEIGHT, "double"), ("SEGMENT", SEGMENT, "string")):
        if name and name not in gold.columns:
            raise ValueError(f"the gold table has no column {name}; correct {constant}, or add the column")
        if name:
            found.append(F.col(f"`{name}`").cast(kind).alias(f"_{constant.lower()}"))
    return found


def with_weight(rows: DataFrame) -> DataFrame:
    """The rows; if they are weighted, those with a weight above 0, which NaN and infinities are not."""
    return rows.where("_weight > 0 AND _weight < double('Infinity')") if WEIGHT else rows


def weights_of(rows: pd.DataFrame | pd.Series) -> dict[str, np.ndarray]:
    """The weights of rows, which stand in their index, as scikit-learn takes them; empty without WEIGHT."""
    return {"sample_weight": rows.index.get_level_values("_weight").to_numpy()} if WEIGHT else {}


def weights_to_fit(model: BaseEstimator, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The same as arguments of a model's `fit`: of a pipeline, for its last step."""
    step = f"{model.steps[-1][0]}__" if isinstance(model, Pipeline) else ""
    return {f"{step}{name}": weights for name, weights in weights_of(rows).items()}


def mean_of(label: pd.Series) -> float:
    """The mean, weighted if rows are."""
    return float(np.average(label, weights=weights_of(label).get("sample_weight")))


def log_segments(truth: pd.Series, predicted: pd.Series | pd.DataFrame) -> None:
    """Logs METRICS for each of the 50 commonest values of SEGMENT, as segments.json."""
    if not SEGMENT:
        return
    segments, found = truth.index.get_level_values("_segment").fillna("NULL"), []
    for segment, count in segments.value_counts().head(50).items():
        part = segments == segment
        metrics = evaluate(truth[part], predicted[part]) if truth[part].nunique() > 1 else {}
        found.append({SEGMENT: segment, "rows": int(count), **metrics})
    table = pd.DataFrame(found).to_dict(orient="split", index=False)
    mlflow.log_dict(table, "segments.json")  # log_table would add to it if versions are compared again


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: the probabilities of 0 and of 1 for each row.
RETURNS = {
    "pyfunc_predict_fn": "predict_proba",
    "output_schema": Schema([ColSpec(Array(DataType.double))]),
}


def make_folds(label: pd.Series) -> TimeSeriesSplit | StratifiedKFold:
    """Parts for cross-validation, by time if each has two rows of both classes, else by class."""
    by_time = TimeSeriesSplit(FOLDS)
    parts = [label.iloc[rows] for pair in by_time.split(label) for rows in pair]
    is_timed = "observed_at" in label.index.names and all(2 <= part.sum() <= len(part) - 2 for part in parts)
    return by_time if is_timed else StratifiedKFold(FOLDS, shuffle=True, random_state=42)


def fit(train: pd.DataFrame) -> BaseEstimator:
    """The best model of SEARCH by cross-validation, by time if it can be, with its best threshold."""
    features, label = train.drop(columns=LABEL), train[LABEL]
    model, folds = new_model(features), make_folds(label)
    search = GridSearchCV(model, SEARCH, scoring=goodness_of, cv=folds, refit=False, error_score="raise")
    search.fit(features, label, **weights_to_fit(model, features))
    mlflow.log_table(pd.DataFrame(search.cv_results_).drop(columns="params"), "search.json")
    model.set_params(**search.best_params_)
    return fit_threshold(model, features, label, cv=folds)


def refit(model: BaseEstimator, data: TrainingData) -> BaseEstimator:
    """The model fitted once more, on all rows, to score; with the one that is judged, for comparisons."""
    rows = pd.concat([data.train, data.holdout])
    whole = with_threshold(clone(model.estimator_), threshold_of(model))
    fit_weighted(whole, rows.drop(columns=LABEL), rows[LABEL])
    whole.judged_ = model
    return whole


def with_threshold(model: BaseEstimator, threshold: float) -> FixedThresholdClassifier:
    """A model that predicts 1 from this probability on, not fitted yet."""
    return FixedThresholdClassifier(model, threshold=float(threshold), response_method="predict_proba")


def fit_weighted(classifier: BaseEstimator, features: pd.DataFrame, label: pd.Series) -> BaseEstimator:
    """A classifier with a threshold, fitted; its model gets the weights too, unless it was fitted before."""
    model, weights = classifier.estimator, weights_of(features)
    model = model.estimator if isinstance(model, FrozenEstimator) else model
    with config_context(enable_metadata_routing=bool(weights)):
        if weights:
            (model[-1] if isinstance(model, Pipeline) else model).set_fit_request(sample_weight=True)
        return classifier.fit(features, label, **weights)


def fit_threshold(
    model: BaseEstimator, features: pd.DataFrame, label: pd.Series, **how: object
) -> BaseEstimator:
    """The model, fitted, with the threshold that THRESHOLD_BY asks for; of too few rows, their share."""
    if not isinstance(THRESHOLD_BY, str):
        return fit_weighted(with_threshold(model, THRESHOLD_BY), features, label)
    scorer = scores.get_scorer(THRESHOLD_BY)
    if WEIGHT:
        with config_context(enable_metadata_routing=True):
            scorer.set_score_request(sample_weight=True)
    try:
        return fit_weighted(TunedThresholdClassifierCV(model, scoring=scorer, **how), features, label)
    except ValueError as error:
        if "constant predictions" not in str(error):
            raise
    print(f"Too few rows to choose a threshold by, so it is the positive share, {mean_of(label):.4g}")
    return fit_weighted(with_threshold(model, mean_of(label)), features, label)


def threshold_of(model: BaseEstimator) -> float:
    """The probability from which a model predicts 1."""
    return getattr(model, "best_threshold_", getattr(model, "threshold", 0.5))


def best_constant(truth: pd.Series) -> pd.DataFrame:
    """The constant that fits these rows best: the share of positive ones, and the better prediction."""
    share = mean_of(truth)
    first = int(share >= 0.5)
    found = [pd.DataFrame({"probability": share, "prediction": n}, truth.index) for n in (first, 1 - first)]
    return max(found, key=lambda constant: goodness(truth, constant))


def predict_baseline(data: TrainingData) -> pd.DataFrame:
    """What one would predict of the holdout without any feature: the share of positive rows."""
    share = mean_of(data.train[LABEL])
    return pd.DataFrame({"probability": share, "prediction": int(share >= 0.5)}, data.holdout.index)


def predict(model: BaseEstimator, rows: pd.DataFrame) -> pd.DataFrame:
    """Columns `probability` and `prediction`, 1 where it reaches the model's threshold, else 0."""
    probability = model.predict_proba(rows[list(model.feature_names_in_)])[:, 1]
    is_positive = probability >= threshold_of(model)
    return pd.DataFrame({"probability": probability, "prediction": is_positive.astype(int)}, rows.index)


def plot(truth: pd.Series, predicted: pd.DataFrame) -> Figure:
    """ROC, precision and recall, calibration, and the confusion at the threshold."""
    figure = Figure(figsize=(11, 10), layout="constrained")
    figure.suptitle(f"{LABEL}: holdout of {len(truth)} rows, {truth.sum():.0f} of them positive")
    roc, recall, calibration, confusion = figure.subplots(2, 2).flat
    truth, probability = truth.astype(int), predicted["probability"]
    scores.RocCurveDisplay.from_predictions(truth, probability, ax=roc, plot_chance_level=True)
    scores.PrecisionRecallDisplay.from_predictions(truth, probability, ax=recall, plot_chance_level=True)
    given = {"n_bins": 10, "strategy": "quantile", "ax": calibration}
    bins = CalibrationDisplay.from_predictions(truth, probability, **given)
    most = 1.1 * max(*bins.prob_true, *bins.prob_pred, 0.01)  # of a rare class, all lie near 0
    calibration.set(xlim=(0, min(most, 1.05)), ylim=(0, min(most, 1.05)))
    scores.ConfusionMatrixDisplay.from_predictions(truth, predicted["prediction"], ax=confusion, cmap="Blues")
    return figure


def settings_of(model: BaseEstimator) -> dict[str, object]:
    """What a run shows as parameters of its model."""
    inner = model.estimator_
    last = inner[-1] if isinstance(inner, Pipeline) else inner
    return {**last.get_params(deep=False), "threshold": threshold_of(model)}


def scoring_tags(model: BaseEstimator) -> dict[str, str]:
    """What scoring needs to know of a version."""
    return {"model_type": MODEL_TYPE, "threshold": str(float(threshold_of(model)))}


def summary(model: BaseEstimator) -> str:
    """What the predictions of a version are."""
    return f"Whether `{LABEL}` holds: a probability of {threshold_of(model):.4g} or more"


def check_settings() -> None:
    """Refuses what cannot be meant among the constants above."""
    check_metrics()
    if not isinstance(THRESHOLD_BY, str) and not 0 < THRESHOLD_BY < 1:
        raise ValueError(f"THRESHOLD_BY is {THRESHOLD_BY!r}; write a scorer of scikit-learn, or 0.3 or alike")


def groups_to_draw_from(truth: pd.Series) -> list[np.ndarray]:
    """The rows of each class, of which samples have as many, since one class may be rare."""
    return [np.flatnonzero(truth == value) for value in (0, 1)]


def too_few(truth: pd.Series) -> str:
    """What is to be said where a class has so few rows that luck alone may find them; or nothing."""
    least = int(truth.value_counts().min())
    return "" if least >= 5 else f"cannot be said, by {least} rows of one class in the holdout, to be better"


def far_off(holdout: pd.DataFrame, predicted: pd.DataFrame) -> list[str]:
    """A sentence where probabilities are further off than a share that is the same for all rows."""
    truth = holdout[LABEL]
    theirs, same = (
        scores.log_loss(truth, found["probability"], **weights_of(truth))
        for found in (predicted, best_constant(truth))
    )
    if theirs <= 1.01 * same:
        return []
    found = f"log loss {theirs:.3g} beside {same:.3g}"
    return [f"its probabilities are further off than the positive share: {found}"]


def check_metrics() -> None:
    """Refuses METRICS, COMPARED_BY and HOLDOUT_SHARE where they cannot be meant."""
    for name, metric in METRICS.items():
        if not callable(metric):
            problem = f"METRICS has {metric!r} as {name}, which is no function"
            raise ValueError(f"{problem}; write a function of the label and what is predicted")
        if WEIGHT and not {"sample_weight", "weights"} & set(inspect.signature(metric).parameters):
            problem = f"METRICS has {name}, which takes no weights, and WEIGHT is {WEIGHT}"
            raise ValueError(f"{problem}; write lambda truth, found, **weights: ..., and give it the weights")
    if COMPARED_BY not in METRICS:
        raise ValueError(f"COMPARED_BY is {COMPARED_BY!r}; write one of METRICS: {', '.join(METRICS)}")
    if not 0 < HOLDOUT_SHARE < 1:
        raise ValueError(f"HOLDOUT_SHARE is {HOLDOUT_SHARE!r}; write a share between 0 and 1, as 0.2")


def evaluate(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, float]:
    """Each of METRICS."""
    return {name: float(metric(truth, predicted, **weights_of(truth))) for name, metric in METRICS.items()}


def evaluate_one(truth: pd.Series, predicted: pd.DataFrame) -> float:
    """COMPARED_BY."""
    return METRICS[COMPARED_BY](truth, predicted, **weights_of(truth))


def goodness(truth: pd.Series, predicted: pd.DataFrame) -> float:
    """COMPARED_BY, with the sign that makes larger better."""
    value = evaluate_one(truth, predicted)
    return -value if LOWER_IS_BETTER else value


def without_index(rows: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """The rows without their times, which take long to draw; weights stay."""
    return rows.set_axis(rows.index.get_level_values("_weight") if WEIGHT else range(len(rows)))


def left_to_win(value: float) -> float:
    """How far a value of COMPARED_BY is from the best: from 0, or from 1 where larger is better."""
    return abs(value if LOWER_IS_BETTER else 1 - value)


def goodness_of(model: BaseEstimator, features: pd.DataFrame, truth: pd.Series) -> float:
    """`goodness`, as scikit-learn asks for it."""
    return goodness(truth, predict(model, features))


def measure_importance(model: BaseEstimator, holdout: pd.DataFrame) -> pd.DataFrame:
    """How much worse the predictions get once a feature, a column here, is shuffled among the rows."""
    chance, drawn = np.random.default_rng(42), []
    for group in groups_to_draw_from(holdout[LABEL]):  # 2,000 rows, with some of a rare class too
        drawn.append(chance.permutation(group)[: max(10, round(2000 * len(group) / len(holdout)))])
    rows = holdout.iloc[np.sort(np.concatenate(drawn))]
    features, truth = rows[list(model.feature_names_in_)], rows[LABEL]
    found = permutation_importance(model, features, truth, scoring=goodness_of, n_repeats=3, random_state=42)
    return pd.DataFrame(found.importances.T, columns=features.columns)


def plot_importance(importance: pd.DataFrame) -> Figure:
    """The features that matter most, each with the spread over the repeats."""
    return bars(importance, f"{COMPARED_BY} lost by shuffling the feature in the holdout")


def remarks_on(importance: pd.DataFrame, data: TrainingData, predicted: pd.DataFrame) -> list[str]:
    """A sentence where one feature carries nearly all of the gain, or hardly an error is left."""
    losses, truth = importance.mean().clip(lower=0).sort_values(), data.holdout[LABEL]
    constant = best_constant(truth)
    gain = goodness(truth, predicted) - goodness(truth, constant)
    left, most = (left_to_win(evaluate_one(truth, found)) for found in (predicted, constant))
    is_one = len(losses) > 1 and losses.iloc[:-1].sum() < 0.05 * losses.iloc[-1]
    if is_one and 0.1 * most < gain < 2 * losses.iloc[-1]:  # not by luck, and more than a little is carried
        found = f"feature {losses.index[-1]} carries nearly all of the gain"
        return [f"{found}: add it to NOT_FEATURES if it is known only with the label"]
    if gain > 0 and left < 0.001 * most:
        return ["this is too good: look for features known only with the label, as a date that came with it"]
    return []


# COMMAND ----------


# DBTITLE 1,Promotion
# A version becomes champion if it is better than the baseline and than any constant, both beyond doubt, and
# than the champion by promotion_margin, all on the same holdout. With approval manual it must also be better
# than the challenger, becomes challenger, and waits. Each training says what the champion is worth.
def draw_values(truth: pd.Series, predicted: pd.DataFrame) -> np.ndarray:
    """COMPARED_BY on the holdout, then on 200 samples of its rows, the same whatever is predicted."""
    truth, predicted = without_index(truth), without_index(predicted)
    chance, groups = np.random.default_rng(42), groups_to_draw_from(truth)
    found = [evaluate_one(truth, predicted)]
    for _ in range(200):
        drawn = np.concatenate([chance.choice(rows, len(rows)) for rows in groups])
        found.append(evaluate_one(truth.iloc[drawn], predicted.iloc[drawn]))
    return np.array(found)


def interval(samples: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of what was found in samples; NaN where one of them gave nothing."""
    low, high = np.percentile(samples[1:], [2.5, 97.5])
    return float(low), float(high)


def log_comparison(name: str, metrics: dict[str, float], gains: np.ndarray) -> str:
    """Logs what a version is compared with, by how much it is better, and says it."""
    low, high = interval(gains)
    found = metrics | {"gain": gains[0], "gain_low": low, "gain_high": high}
    mlflow.log_metrics({f"{name}_{key}": value for key, value in found.items() if np.isfinite(value)})
    said = "no interval can be had" if np.isnan(low) else f"95 % interval {low + 0:.3g} to {high + 0:.3g}"
    return f"{name} {metrics[COMPARED_BY]:.6g}, a gain of {gains[0] + 0:.3g} ({said})"


def doubt(gains: np.ndarray) -> str:
    """What is to be said of gains that are not above 0 beyond doubt."""
    low, high = interval(gains)
    if np.isnan(low):
        return "cannot be said to be better"
    return "" if low > 0 else "is worse" if high < 0 else "may be no better"


NOTHING = {"baseline": "the baseline", "constant": "the best constant of the holdout"}


def fault_of(gains: dict[str, np.ndarray]) -> str:
    """What is to be said of a champion by its gains over what knows no feature; or nothing."""
    if worthless := [NOTHING[name] for name, found in gains.items() if found[0] <= 0]:
        return f"is no better than {worthless[0]} any more"
    doubts = [f"{doubt(found)} than {NOTHING[name]}" for name, found in gains.items() if doubt(found)]
    return doubts[0] if doubts else ""


def note_worth(registered_model: str, version: str, worth: str) -> None:
    """Writes to a version what it is worth today, for the registry and the status of scoring."""
    worth = f"{worth} ({datetime.now():%Y-%m-%d})"
    mlflow.MlflowClient().set_model_version_tag(registered_model, version, "worth", worth)


def warn_of_champion(registered_model: str) -> str:
    """What is to be said of a champion that goes on scoring though it is worth nothing; or nothing."""
    if version := read_aliases(registered_model).get("champion"):
        worth = mlflow.MlflowClient().get_model_version(registered_model, version).tags.get("worth", "")
        if worth and not worth.startswith("is better than the baseline:"):
            return f"champion {version}, which goes on scoring, {worth}"
    return ""


def holdout_rule(registered_model: str, version: str) -> str | None:
    """What held for the rows that a version did not learn from; None if its run does not tell."""
    run_id = mlflow.MlflowClient().get_model_version(registered_model, version).run_id
    try:
        return mlflow.get_run(run_id).data.params.get("holdout")
    except MlflowException as error:
        if not is_gone(error):
            raise
        return None


def unknown_to(registered_model: str, version: str, data: TrainingData) -> np.ndarray:
    """Which rows of the holdout a version has not learnt from; not all, if HOLDOUT_SHARE was another."""
    index, rule = data.holdout.index.get_level_values(0), holdout_rule(registered_model, version)
    if rule in (None, data.rules["holdout"]):
        return np.full(len(index), True)
    if rule.startswith("observed_at") != (index.name == "observed_at"):
        return np.full(len(index), False)  # the table had a time, or has one now
    if rule.startswith("observed_at"):
        return index >= pd.Timestamp(rule.split("'")[1])
    return index.isin(data.gold.df.where(rule).select(KEY).toPandas()[KEY])


def compare(
    registered_model: str, alias: str, version: str, data: TrainingData, found: dict, drawn: dict
) -> tuple[str, str, bool]:
    """The comparison with a version, what else is to be said of it, and whether the new one wins.

    `found` has the predictions of the new version, of the baseline and of the constant, `drawn` their values.
    """
    name, rows, said = f"{alias} {version}", unknown_to(registered_model, version, data), ""
    truth, sign = data.holdout[LABEL][rows], -1 if LOWER_IS_BETTER else 1
    if not rows.all():
        said = f"; {name} has learnt from {sum(~rows)} of {len(rows)} rows of this holdout"
        if len(truth) < 10 or truth.nunique() < 2:
            return "", f"{said}, so it is not compared", True
        found = {each: predicted[rows] for each, predicted in found.items()}
        found["constant"] = best_constant(truth)
        drawn = {each: draw_values(truth, predicted) for each, predicted in found.items()}
    try:
        predicted = predict(load_judged(registered_model, version), data.holdout[rows])
        theirs = draw_values(truth, predicted)
    except Exception as error:
        if is_no_answer(error):
            raise
        note_worth(registered_model, version, "cannot predict the rows of the holdout")
        return "", f"{said}; not compared with {name}, which cannot predict these rows: {error}", True
    gains = {each: sign * (theirs - drawn[each]) for each in NOTHING}
    fault, is_better = fault_of(gains), "is better than the baseline"
    worth = "; ".join([fault or is_better, *far_off(data.holdout[rows], predicted)])
    note_worth(registered_model, version, f"{worth}: {COMPARED_BY} {theirs[0]:.6g}")
    said += f"; {name} {worth}" if worth != is_better else ""
    gain, needed = sign * (drawn["new"] - theirs), left_to_win(theirs[0])
    needed *= float(dbutils.widgets.get("promotion_margin"))
    sentence = f"{log_comparison(alias, evaluate(truth, predicted), gain)}, version {version}"
    if gain[0] > needed or min(found[0] for found in gains.values()) <= 0:
        return sentence, said, True
    return sentence, f"{said}; promotion_margin asks for a gain of more than {needed:.3g} over {name}", False


def judge(registered_model: str, data: TrainingData, model: BaseEstimator, aliases: dict) -> tuple[str, str]:
    """The alias that a version deserves, or none, and why; logs what it was compared with."""
    truth, sign = data.holdout[LABEL], -1 if LOWER_IS_BETTER else 1
    found = {"new": predict(model, data.holdout), "baseline": predict_baseline(data)}
    found["constant"] = best_constant(truth)
    log_segments(truth, found["new"])
    drawn = {name: draw_values(truth, predicted) for name, predicted in found.items()}
    for end, value in zip(("low", "high"), interval(drawn["new"]), strict=True):
        mlflow.log_metric(f"{COMPARED_BY}_{end}", value)
    gains = {name: sign * (drawn["new"] - drawn[name]) for name in NOTHING}
    said = {name: log_comparison(name, evaluate(truth, found[name]), gains[name]) for name in NOTHING}
    reason, doubts = said["baseline"], too_few(truth) or doubt(gains["baseline"])
    if doubts:
        reason += f": it {doubts} than {NOTHING['baseline']}"
    elif doubts := doubt(gains["constant"]):
        reason += f"; {said['constant']}: it {doubts} than {NOTHING['constant']}"
    is_manual, is_best = dbutils.widgets.get("approval") == "manual", not doubts
    for alias in ["champion", "challenger"] if is_manual else ["champion"]:
        if version := aliases.get(alias):
            sentence, more, wins = compare(registered_model, alias, version, data, found, drawn)
            reason, is_best = "; ".join(filter(None, [sentence, reason])) + more, is_best and wins
    reason = f"{COMPARED_BY} {drawn['new'][0]:.6g}, {reason}"
    if not is_best:
        return "" if is_manual or doubts else "challenger", reason
    return ("challenger", f"{reason}; it waits for approval") if is_manual else ("champion", reason)


# COMMAND ----------


# DBTITLE 1,Helpers, the same in every training notebook, which cannot count on importing them
def get_parameters() -> tuple[str, str, str, str, str]:
    """catalog, gold_schema, feature_schema, project, model_name; raises where the job gives no right ones."""
    catalog, gold_schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("gold_schema")
    feature_schema, project = dbutils.widgets.get("feature_schema"), dbutils.widgets.get("project")
    model_name = dbutils.widgets.get("model_name")
    if not all(given := (catalog, gold_schema, feature_schema, project, model_name)):
        raise ValueError("a parameter is empty; fill in the widgets above, or give it in the job's YAML")
    if (approval := dbutils.widgets.get("approval")) not in ("automatic", "manual"):
        raise ValueError(f"parameter approval is {approval!r}; make it automatic or manual")
    margin = dbutils.widgets.get("promotion_margin")
    if not 0 <= pd.to_numeric(margin, errors="coerce") < 1:  # NaN is not
        raise ValueError(f"parameter promotion_margin is {margin!r}; make it a share below 1, as 0.01")
    if (features_status := dbutils.widgets.get("features_status")).startswith("FAILED"):
        raise ValueError(f"the features of {DOMAIN} were not refreshed, {features_status}")
    return given


def setup_mlflow_experiment(project: str, model_name: str) -> str:
    """The id of experiment /Shared/{project}_ml_{model_name}; raises where it cannot be used."""
    experiment = mlflow.set_experiment(f"/Shared/{project}_ml_{model_name}")
    print(f"Experiment {experiment.name}, id {experiment.experiment_id}")
    return experiment.experiment_id


def get_run_name(model_name: str, algorithm: str, version: str = "v1") -> str:
    """For example churn_xgboost_v1_20260131_093000."""
    return f"{model_name}_{algorithm}_{version}_{datetime.now():%Y%m%d_%H%M%S}"


def get_standard_tags(project: str, model_name: str, training_table: str) -> dict[str, str]:
    """The tags that every run carries."""
    return {
        "project": project,
        "domain": DOMAIN,
        "model_name": model_name,
        "model_type": MODEL_TYPE,
        "algorithm": ALGORITHM,
        "layer": "ml",
        "team": "data_science",
        "use_case": USE_CASE,
        "feature_store_enabled": "true",
        "training_data": training_table,
    }


def log_training_dataset(dataset: mlflow.data.Dataset) -> None:
    """Logs a table as input of the active run, with the Delta version that was read."""
    if getattr(dataset.source, "delta_table_version", None) is None:
        short_name = dataset.name.split(".")[-1]
        mlflow.set_tag(f"no_delta_version.{short_name}", "read as it was at the time of the run")
    mlflow.log_input(dataset, context="training")
    print(f"Dataset {dataset.name}")


# COMMAND ----------


# DBTITLE 1,The run: a version is logged, registered, judged and described
def log_picture(name: str, draw: Callable[..., Figure], *given: object) -> None:
    """Logs what `draw` draws, by matplotlib's own settings, names as they are; a failure is only said."""
    try:
        with style.context(["default", {"text.parse_math": False}]):  # else $ is mathematics
            mlflow.log_figure(draw(*given), name)
    except Exception as error:
        print(f"No picture {name}: {error!r}")


def bars(importance: pd.DataFrame, loss: str) -> Figure:
    """The 20 features that matter most, each with the spread over the repeats."""
    means = importance.mean().sort_values()
    shown = means.tail(20)
    figure = Figure(figsize=(8, 2 + 0.25 * len(shown)), layout="constrained")
    axes = figure.subplots()
    axes.barh([str(name) for name in shown.index], shown, xerr=importance[shown.index].std(), ecolor="gray")
    title = f"importance of {len(shown)} of {len(means)} features; gray: spread of {len(importance)} repeats"
    axes.set(xlabel=loss, title=title)
    return figure


def pin(package: str) -> str:
    """The package, or its `-cpu` edition, with the version that is imported: the first on the path."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        found = distribution(f"{package}-cpu")
    return f"{found.name}=={found.version}"


def log_model(model: BaseEstimator, data: TrainingData) -> str:
    """Logs the model with its parameters to the active run; returns its id."""
    rows = {**data.rules, "rows_holdout": len(data.holdout)}
    mlflow.log_params({**settings_of(model), **rows, "features": len(model.feature_names_in_)})
    logged = FeatureEngineeringClient().log_model(
        model=model,
        artifact_path="model",
        flavor=mlflow.sklearn,
        training_set=data.training_set,
        input_example=data.holdout[list(model.feature_names_in_)].head(5),
        signature=False,  # or what is missing in scoring alone would be refused
        **RETURNS,
        pip_requirements=[pin(package) for package in PACKAGES],
        serialization_format="cloudpickle",
    )
    return logged.model_id


def describe(model: BaseEstimator, data: TrainingData, decision: str, run_id: str) -> str:
    """What a reader of the registry wants to know of a version, in Markdown."""
    metrics = mlflow.get_run(run_id).data.metrics.items()
    table = "\n".join(f"| {name} | {value:.4g} |" for name, value in metrics)
    when = f"{datetime.now():%Y-%m-%d %H:%M}, commit {dbutils.widgets.get('git_commit') or 'not known'}"
    source = f"{data.rules['rows_train']} rows of {data.gold.name} and {data.features.name}, {when}"
    if REFIT:
        source += ". Then fitted once more, on all rows, to score; what is said here is of the one before"
    text = f"{USE_CASE}. {summary(model)}, by {ALGORITHM}."
    return f"{text}\n\n{decision}.\n\nLearnt from {source}.\n\n| on the holdout | |\n|---|---|\n{table}"


def is_gone(error: Exception) -> bool:
    """Whether an error says that something is not there, and not that a service gave no answer."""
    return bool(re.search(r"(?i)not.?found|does.not.exist|no such file", str(error)))


def is_no_answer(error: Exception) -> bool:
    """Whether a service gave no answer, which says nothing of what was asked for."""
    is_of_a_service = isinstance(error, (OSError, RestException)) or "while downloading" in str(error)
    return is_of_a_service and not is_gone(error)


def read_aliases(registered_model: str) -> dict[str, str]:
    """The versions that champion and challenger name; without those that there are not."""
    client, found = mlflow.MlflowClient(), {}
    for alias in ("champion", "challenger"):
        try:
            found[alias] = str(client.get_model_version_by_alias(registered_model, alias).version)
        except MlflowException as error:
            if not is_gone(error):
                raise
    return found


def load_judged(registered_model: str, version: str) -> BaseEstimator:
    """What was judged of a version, fitted without its holdout; of earlier releases, what scores."""
    raw_model = f"models:/{registered_model}/{version}/data/feature_store/raw_model"
    model = mlflow.pyfunc.load_model(raw_model).get_raw_model()
    return getattr(model, "judged_", model)


def promote(
    registered_model: str,
    new: str,
    model: BaseEstimator,
    data: TrainingData,
    run_id: str,
    remarks: Sequence[str] = (),
) -> str:
    """Gives the new version its tags, description and alias; returns the decision."""
    client, judged = mlflow.MlflowClient(), None
    while judged != (aliases := read_aliases(registered_model)):
        alias, reason = judge(registered_model, data, model, aliases)
        judged = aliases  # another training may have changed them meanwhile
    reason = "; ".join([reason, *remarks])
    tags = {"promotion": alias or "none", "promotion_reason": reason[:1000].strip()}
    for name, value in {**scoring_tags(model), **tags}.items():
        client.set_model_version_tag(registered_model, new, name, value)
    mlflow.set_tags({**tags, "model_version": new})
    decision = f"Version {new} {f'became {alias}' if alias else 'got no alias'}: {reason}"
    client.update_model_version(registered_model, new, describe(model, data, decision, run_id))
    if alias:  # last: whatever fails before leaves the champion as it is
        client.set_registered_model_alias(registered_model, alias, new)
    return decision


# COMMAND ----------


# DBTITLE 1,The reference, which monitoring compares later rows with
def distribution_of(values: pd.Series) -> dict:
    """The share of missing values; the others by at most 10 quantile bins, or by their 50 commonest texts."""
    known, missing = values.dropna(), float(values.isna().mean())
    if not pd.api.types.is_numeric_dtype(values):
        counts = known.astype(str).value_counts()
        texts, rest = counts.head(50), counts.iloc[50:].sum()
        return {"texts": list(texts.index), "counts": [*map(int, texts), int(rest)], "missing": missing}
    if known.empty:
        return {"edges": [], "counts": [0], "means": [0.0], "missing": missing}
    known = known.to_numpy("float32")  # as monitoring compares them, so that equal values stay equal
    edges = np.unique(np.quantile(known, np.arange(0.1, 1, 0.1), method="lower"))
    edges, most = edges[edges < known.max()], known.max()
    if not edges.size:  # nearly all are the largest: it gets a bin of its own
        edges = np.array([np.nextafter(most, np.float32("-inf")), most])
    bins, size = np.searchsorted(edges, known), len(edges) + 1
    counts = np.bincount(bins, minlength=size)
    means = np.bincount(bins, known, size) / np.maximum(counts, 1)
    numbers = {"edges": edges.tolist(), "counts": counts.tolist(), "means": means.tolist()}
    return {**numbers, "missing": missing}


def never_learnt(data: TrainingData) -> str:
    """What holds for the rows that the version which scores has not learnt from."""
    holdout = data.rules["holdout"]
    if not REFIT:
        return holdout
    newest = data.holdout.index.get_level_values(0).max()
    return f"observed_at > '{newest}'" if "observed_at" in holdout else "false"


def spread(data: TrainingData, prediction: pd.Series) -> dict:
    """How the holdout's columns and the predictions are spread, and which rows were never learnt from."""
    rows = data.holdout.assign(prediction=prediction)
    return {
        "rows": len(rows),
        "columns": {name: distribution_of(rows[name]) for name in rows.columns},
        "label": LABEL,
        "never_learnt": never_learnt(data),
    }


def with_intervals(truth: pd.Series, predicted: pd.DataFrame) -> dict:
    """Each metric of the holdout, with three standard errors to both sides, by 25 samples of its rows."""
    truth, predicted = without_index(truth), without_index(predicted)
    chance, size = np.random.default_rng(42), min(len(truth), 10_000)
    draws = [chance.integers(0, len(truth), size) for _ in range(25)]
    draws = [rows for rows in draws if truth.iloc[rows].nunique() > 1]
    found = pd.DataFrame([evaluate(truth.iloc[rows], predicted.iloc[rows]) for rows in draws], dtype=float)
    scale = 3 * (size / len(truth)) ** 0.5  # of smaller samples, metrics spread more
    errors = {name: scale * float(found[name].std()) if name in found else np.nan for name in METRICS}
    metrics = evaluate(truth, predicted).items()
    return {name: [value, value - errors[name], value + errors[name]] for name, value in metrics}


def measured(data: TrainingData, predicted: pd.DataFrame) -> dict:
    """The metrics of the holdout, and the one that versions are compared by."""
    metrics = with_intervals(data.holdout[LABEL], predicted)
    compared = {"compared_by": COMPARED_BY, "lower_is_better": LOWER_IS_BETTER}
    return {"metrics": metrics, "weight": WEIGHT, **compared}


def log_reference(data: TrainingData, predicted: pd.DataFrame) -> None:
    """Logs what monitoring needs: how columns and probabilities are spread, positive values, the metrics."""
    reference = {**spread(data, predicted["probability"]), **measured(data, predicted)}
    positive = [str(value) for value in positive_values(data.gold.df)]
    mlflow.log_dict({**reference, "positive": positive}, "reference.json")


def main() -> str:
    """Trains, registers and promotes a version; returns the task's status."""
    catalog, gold_schema, feature_schema, project, model_name = get_parameters()
    gold_table = f"{catalog}.{gold_schema}.{DOMAIN}"
    registered_model = f"{catalog}.{feature_schema}.{model_name}"
    check_settings()
    experiment_id = setup_mlflow_experiment(project, model_name)
    data = load_data(gold_table, f"{catalog}.{feature_schema}.{DOMAIN}_features")

    with mlflow.start_run(experiment_id=experiment_id, run_name=get_run_name(model_name, ALGORITHM)) as run:
        mlflow.set_tags(get_standard_tags(project, model_name, gold_table))
        log_training_dataset(data.gold)
        log_training_dataset(data.features)
        model = fit(data.train)
        predicted = predict(model, data.holdout)
        metrics = evaluate(data.holdout[LABEL], predicted)
        log_picture("holdout.png", plot, data.holdout[LABEL], predicted)
        importance = measure_importance(model, data.holdout)
        log_picture("importance.png", plot_importance, importance)
        model_id = log_model(refit(model, data) if REFIT else model, data)
        mlflow.log_metrics(metrics, model_id=model_id, dataset=data.gold)
        log_reference(data, predicted)
        version = str(mlflow.register_model(f"runs:/{run.info.run_id}/model", registered_model).version)
        remarks = [
            *data.remarks,
            *remarks_on_positive(data.gold.df),
            *remarks_on(importance, data, predicted),
            *far_off(data.holdout, predicted),
        ]
        decision = promote(registered_model, version, model, data, run.info.run_id, remarks)
    print(", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    print(decision)
    if warning := warn_of_champion(registered_model):
        return f"SUCCESS: {warning}"
    return "SUCCESS"


# COMMAND ----------

try:
    status = main()
except Skipped as reason:
    status = f"SKIPPED: {reason}"
except Exception as error:
    traceback.print_exc()
    status = f"FAILED: {' '.join(str(error).split()) or repr(error)}"[:1000]

# COMMAND ----------

dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
