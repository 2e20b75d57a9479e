# Databricks notebook source
# MAGIC %md
# MAGIC # Train << model.name >>
# MAGIC
# MAGIC Learns the number `<< model.name >>` from `<< model.domain >>_features`.
# % include train ~ "shared/setup.py"
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, NullLocator
from sklearn import metrics as scores

LABEL = "<< model.name >>"  # a column of the gold table
# % include train ~ "shared/settings.py"
WEIGHT = None  # a column of the gold table with how much each row counts, which is then no feature
SEGMENT = None  # a column of the gold table, by whose values the metrics are logged too
METRICS = {  # each compares the label with the prediction
    "rmse": scores.root_mean_squared_error,
    "mae": scores.mean_absolute_error,
    "median_absolute_error": scores.median_absolute_error,
    "r2": scores.r2_score,
    "mean_error": lambda truth, found, **weights: mean_of(found - truth),  # above 0: too much is predicted
}
COMPARED_BY, LOWER_IS_BETTER = "rmse", True
BASELINE = "mean"  # of the label, which a model must beat; "median" suits "mae"<< "; \"last\" is the key's own" if with_last >>
# % if learning == "in_pandas"
MIN_SKEW = 1  # a label as skewed, and nowhere negative, is tried by its log too; float("inf") for never
# % endif
# % include train ~ "shared/algorithm.py"
def select_rows(gold: DataFrame) -> DataFrame:
    """Key, label and time of the rows with a label, and what WEIGHT and SEGMENT ask for."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    rows = with_weight(with_time(gold, F.col(LABEL).cast("double").alias(LABEL), *row_columns(gold)))
    return rows.where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels


# % include train ~ "shared/weights.py"


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: a number for each row.
RETURNS = {"output_schema": Schema([ColSpec(DataType.double)])}


# % include train ~ learning ~ "/regression.py"
def quantiles_of(label: pd.Series, shares: float | np.ndarray) -> np.ndarray:
    """The values below which these shares of the rows lie, by weight if rows are weighted."""
    weights = weights_of(label).get("sample_weight")
    return np.quantile(label, shares, weights=weights, method="inverted_cdf")


def typical(label: pd.Series) -> float:
    """The constant that BASELINE names."""
    return float(quantiles_of(label, 0.5)) if BASELINE == "median" else mean_of(label)


def best_constant(truth: pd.Series) -> pd.Series:
    """The constant that COMPARED_BY finds best for these rows, among the mean and the quantiles."""
    constants = [mean_of(truth), *quantiles_of(truth, np.linspace(0.05, 0.95, 19))]
    found = [pd.Series(constant, index=truth.index) for constant in constants]
    return max(found, key=lambda constant: goodness(truth, constant))


# % include train ~ lookup ~ "/regression_baseline.py"
def predict(model: BaseEstimator, rows: pd.DataFrame) -> pd.Series:
    """Predictions in the label's unit."""
    return pd.Series(model.predict(rows[list(model.feature_names_in_)]), index=rows.index)


def stretch(set_scale: Callable[..., None], axis: Axis, values: pd.Series, width: float) -> None:
    """An axis as by the log of its values, but with room for 0 and less, and with few numbers, rounded."""
    low, high = np.arcsinh(np.array([values.min(), values.max()]) / width)
    if high - low < 2:  # less than a decade
        return
    set_scale("asinh", linear_width=width)
    ticks = width * np.sinh(np.linspace(low, high, min(6, 1 + int(high - low))))
    ticks[np.abs(ticks) < width / 10] = 0
    axis.set_major_locator(FixedLocator(sorted({float(f"{tick:.0e}") for tick in ticks})))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


def plot(truth: pd.Series, predicted: pd.Series) -> Figure:
    """Predictions of the holdout against the truth, and how far off they are."""
    shown = truth.to_frame("actual").assign(predicted=predicted.to_numpy())
    shown = shown.sample(min(len(shown), 5000), random_state=42)
    figure = Figure(figsize=(11, 5), layout="constrained")
    figure.suptitle(f"{LABEL}: {len(shown)} of {len(truth)} rows of the holdout")
    left, right = figure.subplots(1, 2)
    usual = truth[truth > 0].median()
    if truth.min() >= 0 and truth.skew() > 1 and truth.max() > 5 * usual:
        stretch(left.set_xscale, left.xaxis, shown.stack(), usual / 10)
        stretch(left.set_yscale, left.yaxis, shown.stack(), usual / 10)
        stretch(right.set_xscale, right.xaxis, shown["predicted"], usual / 10)
    dots = {"s": 10, "alpha": min(0.6, max(0.05, 200 / len(shown))), "linewidths": 0}
    left.scatter(shown["actual"], shown["predicted"], **dots)
    right.scatter(shown["predicted"], shown["actual"] - shown["predicted"], **dots)
    ends = [shown.to_numpy().min(), shown.to_numpy().max()]
    left.plot(ends, ends, color="black", linestyle="--")
    right.axhline(0, color="black", linestyle="--")
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


def check_settings() -> None:
    """Refuses what cannot be meant among the constants above."""
    check_metrics()
    known = << '("mean", "median", "last")' if with_last else '("mean", "median")' >>
    if BASELINE not in known:
        raise ValueError(f"BASELINE is {BASELINE!r}; write one of {', '.join(known)}")


def groups_to_draw_from(truth: pd.Series) -> list[np.ndarray]:
    """All rows, as one group, of which samples are drawn."""
    return [np.arange(len(truth))]


# % include train ~ "shared/labelled.py"
