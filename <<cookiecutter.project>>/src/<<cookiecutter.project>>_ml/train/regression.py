# Databricks notebook source
# MAGIC %md
# MAGIC # Train << model.name >>
# MAGIC
# MAGIC Learns the number `<< model.name >>` from `<< model.domain >>_features`.
# % include train ~ "shared/setup.py"
# % if history
from pyspark.sql import Window
# % endif
from sklearn import metrics as scores

LABEL = "<< model.name >>"  # a column of the gold table
# % include train ~ "shared/settings.py"
METRICS = {  # each compares the label with the prediction
    "rmse": scores.root_mean_squared_error,
    "mae": scores.mean_absolute_error,
    "median_absolute_error": scores.median_absolute_error,
    "r2": scores.r2_score,
    "mean_error": lambda truth, found: (found - truth).mean(),  # above 0: too much is predicted
}
COMPARED_BY, LOWER_IS_BETTER = "rmse", True
# % if history
BASELINE = "mean"  # of the label, which a model must beat; "median" suits "mae"; "last" is the key's own
# % else
BASELINE = "mean"  # of the label, which a model must beat; "median" suits "mae"
# % endif
# % if not on_spark
MIN_SKEW = 1  # a label as skewed, and nowhere negative, is tried by its log too; float("inf") for never
# % endif
MODEL_TYPE = "regression"
ALGORITHM = "<< model.algorithm >>"
# % include train ~ "algorithms/" ~ model.algorithm ~ ".py"
# % include train ~ "shared/" ~ ("rows_on_spark.py" if on_spark else "rows_in_pandas.py")
def select_rows(gold: DataFrame) -> DataFrame:
    """Key, label and time of the rows with a label."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    rows = with_time(gold, F.col(LABEL).cast("double").alias(LABEL))
# % if history
    rows = rows.where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels
    before = Window.partitionBy(KEY).orderBy("observed_at")
    return rows.withColumn("_last", F.lag(LABEL).over(before))
# % else
    return rows.where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels
# % endif


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: a number for each row.
RETURNS = {"output_schema": Schema([ColSpec(DataType.double)])}


# % if not on_spark
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, KFold, ParameterGrid, TimeSeriesSplit


def from_log(logs: np.ndarray) -> np.ndarray:
    """The inverse of np.log1p, finite whatever a model extrapolates."""
    return np.expm1(np.minimum(logs, 50))


def settings_to_try(label: pd.Series) -> list[dict]:
    """Those of SEARCH, for the label and, if it is skewed, for its log."""
    is_skewed = label.min() >= 0 and label.skew() > MIN_SKEW
    logs = [{"func": [None], "inverse_func": [None]}, {"func": [np.log1p], "inverse_func": [from_log]}]
    of_search = [{f"regressor__{name}": [one[name]] for name in one} for one in ParameterGrid(SEARCH)]
    return [{**log, **settings} for log in logs[: 1 + is_skewed] for settings in of_search]


def fit(train: pd.DataFrame) -> BaseEstimator:
    """The best model of SEARCH by cross-validation, by time where there is one."""
    features, label, is_timed = train.drop(columns=LABEL), train[LABEL], train.index.name == "observed_at"
    folds = TimeSeriesSplit(FOLDS) if is_timed else KFold(FOLDS, shuffle=True, random_state=42)
    model, tried = TransformedTargetRegressor(new_model(features)), settings_to_try(label)
    search = GridSearchCV(model, tried, scoring=goodness_of, cv=folds, error_score="raise")
    search.fit(features, label)
    results = pd.DataFrame(search.cv_results_)
    results["log_of_label"] = results["param_func"].notna()
    mlflow.log_table(results.drop(columns=["params", "param_func", "param_inverse_func"]), "search.json")
    best = search.best_estimator_
    return best if best.func else best.regressor_


def refit(model: BaseEstimator, data: TrainingData) -> BaseEstimator:
    """The model fitted once more, on all rows, to score; with the one that is judged, for comparisons."""
    rows = pd.concat([data.train, data.holdout])
    whole = clone(model).fit(rows.drop(columns=LABEL), rows[LABEL])
    whole.judged_ = model
    return whole


# % endif
# % set typical = '"mean" if BASELINE == "last" else BASELINE' if history else "BASELINE"
def best_constant(truth: pd.Series) -> pd.Series:
    """The constant that fits these rows best."""
    return pd.Series(truth.agg(<< typical >>), index=truth.index)


# % if history
def last_or_mean(data: TrainingData) -> pd.Series:
    """The label that each key of the holdout had before, or the mean."""
    return data.last.fillna(data.train<< ".examples" if on_spark >>[LABEL].mean())


# % endif
def predict_baseline(data: TrainingData) -> pd.Series:
    """What one would predict of the holdout without any feature."""
# % if history
    if BASELINE == "last":
        return last_or_mean(data)
# % endif
    return pd.Series(data.train<< ".examples" if on_spark >>[LABEL].agg(BASELINE), index=data.holdout.index)


def predict(model: BaseEstimator, rows: pd.DataFrame) -> pd.Series:
    """Predictions in the label's unit."""
    return pd.Series(model.predict(rows[list(model.feature_names_in_)]), index=rows.index)


def plot(truth: pd.Series, predicted: pd.Series) -> Figure:
    """Predictions of the holdout against the truth, and how far off they are."""
    shown = truth.to_frame("actual").assign(predicted=predicted.to_numpy())
    shown = shown.sample(min(len(shown), 5000), random_state=42)
    figure = Figure(figsize=(11, 5), layout="constrained")
    figure.suptitle(f"{LABEL}: {len(shown)} of {len(truth)} rows of the holdout")
    left, right = figure.subplots(1, 2)
    dots = {"s": 10, "alpha": min(0.6, max(0.05, 200 / len(shown))), "linewidths": 0}
    left.scatter(shown["actual"], shown["predicted"], **dots)
    right.scatter(shown["predicted"], shown["actual"] - shown["predicted"], **dots)
    ends = [shown.to_numpy().min(), shown.to_numpy().max()]
    left.plot(ends, ends, color="black", linestyle="--")
    right.axhline(0, color="black", linestyle="--")
    if truth.min() >= 0 and truth.skew() > 1:  # as by their logs, but with room for 0 and less
        for set_scale in (left.set_xscale, left.set_yscale, right.set_xscale):
            set_scale("asinh", linear_width=max(truth.median() / 10, 1e-9))
        for axis in (left.xaxis, left.yaxis, right.xaxis):
            axis.set_major_formatter("{x:g}")
    left.set(xlabel=f"{LABEL}, actual", ylabel=f"{LABEL}, predicted")
    right.set(xlabel=f"{LABEL}, predicted", ylabel="actual - predicted")
    return figure


def settings_of(model: BaseEstimator) -> dict[str, object]:
    """What a run shows as parameters of its model."""
    inner = getattr(model, "regressor_", model)
    last = inner[-1] if isinstance(inner, Pipeline) else inner
    return {**last.get_params(deep=False), "log_of_label": inner is not model}


def scoring_tags(model: BaseEstimator) -> dict[str, str]:
    """What scoring needs to know of a version."""
    return {"model_type": MODEL_TYPE}


def summary(model: BaseEstimator) -> str:
    """What the predictions of a version are."""
    return f"The number `{LABEL}`"


# % include train ~ "shared/labelled.py"
# % include train ~ "shared/run.py"
