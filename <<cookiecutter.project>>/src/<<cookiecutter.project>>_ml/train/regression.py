# Databricks notebook source
# MAGIC %md
# MAGIC # Train << model.name >>
# MAGIC
# MAGIC Learns the number `<< model.name >>` from `<< model.domain >>_features`.
# % include train ~ "shared/setup.py"
from sklearn import metrics as scores

LABEL = "<< model.name >>"  # a column of the gold table
METRICS = {  # each compares the label with the prediction
    "rmse": scores.root_mean_squared_error,
    "mae": scores.mean_absolute_error,
    "median_absolute_error": scores.median_absolute_error,
    "r2": scores.r2_score,
}
COMPARED_BY, LOWER_IS_BETTER = "rmse", True
BASELINE = "mean"  # of the label, which a model must beat; "median" suits "mae"
# % include train ~ "shared/settings.py"
# % include train ~ "shared/" ~ ("rows_on_spark.py" if on_spark else "rows_in_pandas.py")
def select_rows(gold: DataFrame) -> DataFrame:
    """Key, label and time of the rows with a label."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    rows = with_time(gold, F.col(LABEL).cast("double").alias(LABEL))
    return rows.where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: a number for each row.
RETURNS = {"output_schema": Schema([ColSpec(DataType.double)])}


# % if not on_spark
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit


def fit(train: pd.DataFrame) -> Pipeline:
    """The best model of SEARCH by cross-validation, by time where there is one."""
    features, is_timed = train.drop(columns=LABEL), train.index.name == "observed_at"
    folds = TimeSeriesSplit(FOLDS) if is_timed else KFold(FOLDS, shuffle=True, random_state=42)
    search = GridSearchCV(new_model(features), SEARCH, scoring=goodness_of, cv=folds, error_score="raise")
    search.fit(features, train[LABEL])
    mlflow.log_table(pd.DataFrame(search.cv_results_).drop(columns="params"), "search.json")
    return search.best_estimator_


def predict_baseline(train: pd.DataFrame, holdout: pd.DataFrame) -> pd.Series:
    """What one would predict without any feature."""
    return pd.Series(train[LABEL].agg(BASELINE), index=holdout.index)


# % endif
def predict(model: Pipeline, rows: pd.DataFrame) -> pd.Series:
    """Predictions in the label's unit."""
    return pd.Series(model.predict(rows[list(model.feature_names_in_)]), index=rows.index)


def plot(truth: pd.Series, predicted: pd.Series) -> Figure:
    """Predictions of the holdout against the truth, and how far off they are."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    figure.suptitle(f"{LABEL}: holdout of {len(truth)} rows; the brighter, the more of them")
    left, right = figure.subplots(1, 2)
    density = {"gridsize": 50, "bins": "log", "mincnt": 1}
    left.hexbin(truth, predicted, **density)
    left.axline((truth.mean(), truth.mean()), slope=1, color="black", linestyle="--")
    left.set(xlabel=f"{LABEL}, actual", ylabel=f"{LABEL}, predicted")
    right.hexbin(predicted, truth - predicted, **density)
    right.axhline(0, color="black", linestyle="--")
    right.set(xlabel=f"{LABEL}, predicted", ylabel="actual - predicted")
    return figure


def settings_of(model: Pipeline) -> dict[str, object]:
    """What a run shows as parameters of its model."""
    return model[-1].get_params()


def scoring_tags(model: Pipeline) -> dict[str, str]:
    """What scoring needs to know of a version."""
    return {"model_type": MODEL_TYPE}


def summary(model: Pipeline) -> str:
    """What the predictions of a version are."""
    return f"The number `{LABEL}`"


# % include train ~ "shared/labelled.py"
# % include train ~ "shared/run.py"
