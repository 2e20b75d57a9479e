# Databricks notebook source
# MAGIC %md
# MAGIC # Train outliers
# MAGIC
# MAGIC Learns what is normal from `ops_features`. A score below 0 is an anomaly, with the prediction -1.
# MAGIC The version of `{catalog}.{feature_schema}.outliers` with the alias `champion` scores. Safe to run
# MAGIC again: each run adds a run and a version.

# COMMAND ----------

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
from mlflow.types.schema import ColSpec, DataType, Schema
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

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
DOMAIN = "ops"
KEY = "ops_id"  # the primary key of the feature table
LABEL = None  # nothing says which rows are anomalies
USE_CASE = "ops: outliers"
HOLDOUT_SHARE = 0.2
MIN_ROWS = 50  # fewer rows to learn from end as SKIPPED
MAX_ROWS = 1_000_000  # of more rows, about as many are used: a fixed sample of the keys
REFIT = True  # after a version is judged, it is fitted once more, on all rows; False leaves that out
EXPECTED_SHARE = 0.05  # of anomalies among all rows
NEAR = 3  # a version becomes champion if it flags at least a third, and at most three times, of that
MODEL_TYPE = "anomaly"
ALGORITHM = "isolation_forest"
PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn"]  # that the model needs to predict


class ScoredForest(IsolationForest):
    """An isolation forest that predicts scores, so that they come out of the registered model."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.decision_function(X)


def new_model(features: pd.DataFrame) -> Pipeline:
    """A model for these features, not fitted yet: text is encoded, missing values stay missing."""
    text = list(features.select_dtypes(exclude="number"))
    encode = make_pipeline(
        FunctionTransformer(pd.DataFrame.where, kw_args={"cond": pd.notna}),  # makes None NaN
        OrdinalEncoder(
            max_categories=20,  # the commonest texts; the others are one
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
        ),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    model = ScoredForest(n_estimators=200, contamination=EXPECTED_SHARE, random_state=42)
    columns = ColumnTransformer([("text", encode, text)], remainder="passthrough")
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
    unused = []
    no_features = [*unused, *(name for name in rows.columns if name != LABEL)]
    training_set = create_training_set(rows.where("NOT _held_out"), feature_table, no_features)
    joined = rows.join(features.df.drop(*unused), KEY)  # as load_df does, but with the time and _held_out
    found = collect(joined)
    train, holdout = (found[found["_held_out"] == part].drop(columns="_held_out") for part in (False, True))
    if len(train) < MIN_ROWS or holdout.empty:
        found = f"{len(train)} rows with {LABEL or KEY} to learn from, {len(holdout)} held out"
        raise Skipped(f"{gold_table}: {found}; {MIN_ROWS} and 1 needed")
    rules["rows_train"] = str(len(train))
    remarks = remarks_on_share(len(train), len(holdout)) if "observed_at" in train.index.names else []
    return TrainingData(gold, features, training_set, train, holdout, rules, remarks)


def select_rows(gold: DataFrame) -> DataFrame:
    """Key and time of all rows."""
    return with_time(gold)


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: a number for each row.
RETURNS = {"output_schema": Schema([ColSpec(DataType.double)])}


def fit(train: pd.DataFrame) -> BaseEstimator:
    """A new model, fitted to the rows to learn from."""
    return new_model(train).fit(train)


def refit(model: BaseEstimator, data: TrainingData) -> BaseEstimator:
    """The model fitted once more, on all rows, to score; with the one that is judged, for comparisons."""
    whole = clone(model).fit(pd.concat([data.train, data.holdout]))
    whole.judged_ = model
    return whole


def predict(model: BaseEstimator, rows: pd.DataFrame) -> pd.DataFrame:
    """Columns `score` and `prediction`, -1 where the score is below 0, else 1."""
    score = model.decision_function(rows[list(model.feature_names_in_)])
    return pd.DataFrame({"score": score, "prediction": np.where(score < 0, -1, 1)}, index=rows.index)


def evaluate(predicted: pd.DataFrame) -> dict[str, float]:
    """Share of rows flagged, and how far the mean scores of normal and flagged rows lie apart."""
    score, flagged = predicted["score"], predicted["prediction"] == -1
    apart = 0 < flagged.sum() < len(flagged)
    return {
        "share_flagged": float(flagged.mean()),
        "score_mean": float(score.mean()),
        "score_spread": float(score[~flagged].mean() - score[flagged].mean()) if apart else 0.0,
    }


def plot(predicted: pd.DataFrame) -> Figure:
    """How the scores of the holdout are spread and, where rows have a time, the share flagged over time."""
    is_timed = predicted.index.name == "observed_at"
    figure = Figure(figsize=(10 if is_timed else 6, 4), layout="constrained")
    figure.suptitle(f"holdout of {len(predicted)} rows")
    left, *others = figure.subplots(1, 1 + is_timed, squeeze=False)[0]
    left.hist(predicted["score"], bins=50)
    left.axvline(0, color="black", linestyle="--")
    left.set(xlabel="score, below 0 is flagged", ylabel="rows")
    if not is_timed:
        return figure
    right = others[0]
    flagged = (predicted["prediction"] == -1).groupby(pd.cut(predicted.index, 10), observed=True).mean()
    right.plot([part.mid for part in flagged.index], flagged, marker="o")
    right.axhline(EXPECTED_SHARE, color="black", linestyle="--")
    right.set(xlabel=predicted.index.name, ylabel="share flagged; dashed: expected")
    right.tick_params(axis="x", rotation=30)
    return figure


def measure_importance(model: BaseEstimator, holdout: pd.DataFrame) -> pd.DataFrame:
    """How little the scores agree with the usual ones once a feature, a column here, is shuffled."""
    rows = holdout.sample(min(len(holdout), 2000), random_state=42)
    usual = predict(model, rows)["score"]

    def agreement(model: BaseEstimator, shuffled: pd.DataFrame, _: None) -> float:
        return np.corrcoef(usual.rank(), predict(model, shuffled)["score"].rank())[0, 1]

    found = permutation_importance(model, rows, None, scoring=agreement, n_repeats=3, random_state=42)
    return pd.DataFrame(found.importances.T, columns=list(model.feature_names_in_))


def plot_importance(importance: pd.DataFrame) -> Figure:
    """The features that matter most, each with the spread over the repeats."""
    return bars(importance, "1 - rank correlation with the scores before shuffling")


def settings_of(model: BaseEstimator) -> dict[str, object]:
    """What a run shows as parameters of its model."""
    last = model[-1] if isinstance(model, Pipeline) else model
    return last.get_params(deep=False)


def scoring_tags(model: BaseEstimator) -> dict[str, str]:
    """What scoring needs to know of a version."""
    return {"model_type": MODEL_TYPE}


def summary(model: BaseEstimator) -> str:
    """What the predictions of a version are."""
    return f"Rows of `{DOMAIN}` with a score below 0 are anomalies"


def check_settings() -> None:
    """Refuses what cannot be meant among the constants above."""
    for name, share in {"HOLDOUT_SHARE": HOLDOUT_SHARE, "EXPECTED_SHARE": EXPECTED_SHARE}.items():
        if not 0 < share < 1:
            raise ValueError(f"{name} is {share!r}; write a share between 0 and 1, as 0.2")


# COMMAND ----------


# DBTITLE 1,Promotion
# Nothing says which rows are anomalies. So a version becomes champion if it flags about as many rows of
# the holdout as expected; with approval manual it becomes challenger, and waits.
def judge(registered_model: str, data: TrainingData, model: BaseEstimator, aliases: dict) -> tuple[str, str]:
    """The alias that a version deserves, and why; logs how far it agrees with the champion."""
    predicted, champion = predict(model, data.holdout), aliases.get("champion")
    flagged = predicted["prediction"] == -1
    reason = f"{flagged.mean():.2%} of the holdout flagged, {EXPECTED_SHARE:.2%} expected"
    if champion:
        try:
            theirs = predict(load_judged(registered_model, champion), data.holdout)
            by_champion = theirs["prediction"] == -1
            overlap = (flagged & by_champion).sum() / max((flagged | by_champion).sum(), 1)
            correlation = np.corrcoef(predicted["score"].rank(), theirs["score"].rank())[0, 1]
            mlflow.log_metrics({"champion_rank_correlation": correlation, "champion_overlap": overlap})
            reason += f"; champion {champion} flags {by_champion.mean():.2%}"
            reason += f", and {overlap:.0%} of the rows that either flags are the same"
        except Exception as error:
            if is_no_answer(error):
                raise
            reason += f"; champion {champion} cannot score these rows: {error}"
    if not EXPECTED_SHARE / NEAR <= flagged.mean() <= EXPECTED_SHARE * NEAR:
        return "challenger", f"{reason}, which is too far from it"
    if dbutils.widgets.get("approval") == "manual":
        return "challenger", f"{reason}; it waits for approval"
    return "champion", reason


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


def log_reference(data: TrainingData, predicted: pd.DataFrame) -> None:
    """Logs what monitoring needs: how the holdout's columns and scores are spread."""
    mlflow.log_dict(spread(data, predicted["score"]), "reference.json")


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
        metrics = evaluate(predicted)
        log_picture("holdout.png", plot, predicted)
        importance = measure_importance(model, data.holdout)
        log_picture("importance.png", plot_importance, importance)
        model_id = log_model(refit(model, data) if REFIT else model, data)
        mlflow.log_metrics(metrics, model_id=model_id, dataset=data.gold)
        log_reference(data, predicted)
        version = str(mlflow.register_model(f"runs:/{run.info.run_id}/model", registered_model).version)
        remarks = data.remarks
        decision = promote(registered_model, version, model, data, run.info.run_id, remarks)
    print(", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    print(decision)
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
