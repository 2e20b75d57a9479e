# Databricks notebook source
# MAGIC %md
# MAGIC # Train << model.name >>
# MAGIC
# MAGIC Learns whether `<< model.name >>` holds from `<< model.domain >>_features`: 1 where the probability reaches the
# MAGIC threshold, else 0.
# % include train ~ "shared/setup.py"
from mlflow.types.schema import Array
from pyspark.sql import Column
from sklearn import metrics as scores
from sklearn.calibration import CalibrationDisplay
from sklearn.model_selection import TunedThresholdClassifierCV

LABEL = "<< model.name >>"  # a column of the gold table
POSITIVE = None  # the label's positive values, as ["churned"]; else the larger number, or "yes" and alike
METRICS = {  # each compares the label with the probability or with the prediction
    "roc_auc": lambda truth, found: scores.roc_auc_score(truth, found["probability"]),
    "average_precision": lambda truth, found: scores.average_precision_score(truth, found["probability"]),
    "log_loss": lambda truth, found: scores.log_loss(truth, found["probability"]),
    "brier_score": lambda truth, found: scores.brier_score_loss(truth, found["probability"]),
    "f1": lambda truth, found: scores.f1_score(truth, found["prediction"], zero_division=0),
    "precision": lambda truth, found: scores.precision_score(truth, found["prediction"], zero_division=0),
    "recall": lambda truth, found: scores.recall_score(truth, found["prediction"]),
}
COMPARED_BY, LOWER_IS_BETTER = "roc_auc", False
THRESHOLD_BY = "f1"  # the scikit-learn scorer that the threshold between 0 and 1 makes largest
# % include train ~ "shared/settings.py"
# % include train ~ "shared/" ~ ("rows_on_spark.py" if on_spark else "rows_in_pandas.py")
def binary_label(gold: DataFrame) -> Column:
    """1 or 0, by POSITIVE, or where the label has two values; NULL where it has none."""
    is_text, number = dict(gold.dtypes)[LABEL] == "string", F.col(LABEL).cast("double")
    value = F.lower(F.trim(LABEL)) if is_text else F.when(F.abs(number) < float("inf"), number)
    some = gold.select(value.alias("value")).dropna().distinct().orderBy("value").limit(10).collect()
    found, words = [row.value for row in some], ("1", "true", "t", "yes", "y", "positive")
    positive = [text for text in found if text in words] if is_text else found[1:]
    if POSITIVE is not None:
        positive = [str(one).strip().lower() if is_text else float(one) for one in POSITIVE]
    elif len(found) > 2 or (len(found) == 2 and len(positive) != 1):
        values = ", ".join(map(str, found))
        raise ValueError(f"label {LABEL} has the values {values}; write into POSITIVE which are positive")
    return value.isin(positive).cast("double")


def select_rows(gold: DataFrame) -> DataFrame:
    """Key, label and time of the rows with a label."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    rows = with_time(gold, binary_label(gold).alias(LABEL))
    return rows.where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: the probabilities of 0 and of 1 for each row.
RETURNS = {
    "pyfunc_predict_fn": "predict_proba",
    "output_schema": Schema([ColSpec(Array(DataType.double))]),
}


# % if not on_spark
from sklearn.model_selection import GridSearchCV, StratifiedKFold, TimeSeriesSplit


def fit(train: pd.DataFrame) -> TunedThresholdClassifierCV:
    """The best model of SEARCH by cross-validation, by time if it can be, with its best threshold."""
    features, label = train.drop(columns=LABEL), train[LABEL]
    is_timed = train.index.name == "observed_at" and label.iloc[: len(label) // (FOLDS + 1)].nunique() > 1
    folds = TimeSeriesSplit(FOLDS) if is_timed else StratifiedKFold(FOLDS, shuffle=True, random_state=42)
    model = new_model(features)
    search = GridSearchCV(model, SEARCH, scoring=goodness_of, cv=folds, refit=False, error_score="raise")
    search.fit(features, label)
    mlflow.log_table(pd.DataFrame(search.cv_results_).drop(columns="params"), "search.json")
    model.set_params(**search.best_params_)
    return TunedThresholdClassifierCV(model, scoring=THRESHOLD_BY, cv=folds).fit(features, label)


def predict_baseline(train: pd.DataFrame, holdout: pd.DataFrame) -> pd.DataFrame:
    """What one would predict without any feature: the share of positive rows."""
    share = train[LABEL].mean()
    return pd.DataFrame({"probability": share, "prediction": int(share >= 0.5)}, holdout.index)


# % endif
def predict(model: TunedThresholdClassifierCV, rows: pd.DataFrame) -> pd.DataFrame:
    """Columns `probability` and `prediction`, 1 where it reaches the model's threshold, else 0."""
    probability = model.predict_proba(rows[list(model.feature_names_in_)])[:, 1]
    is_positive = probability >= getattr(model, "best_threshold_", 0.5)
    return pd.DataFrame({"probability": probability, "prediction": is_positive.astype(int)}, rows.index)


def plot(truth: pd.Series, predicted: pd.DataFrame) -> Figure:
    """ROC, precision and recall, calibration, and the confusion at the threshold."""
    figure = Figure(figsize=(11, 10), layout="constrained")
    figure.suptitle(f"{LABEL}: holdout of {len(truth)} rows, {truth.sum():.0f} of them positive")
    roc, recall, calibration, confusion = figure.subplots(2, 2).flat
    truth, probability = truth.astype(int), predicted["probability"]
    scores.RocCurveDisplay.from_predictions(truth, probability, ax=roc, plot_chance_level=True)
    scores.PrecisionRecallDisplay.from_predictions(truth, probability, ax=recall, plot_chance_level=True)
    CalibrationDisplay.from_predictions(truth, probability, n_bins=10, strategy="quantile", ax=calibration)
    scores.ConfusionMatrixDisplay.from_predictions(truth, predicted["prediction"], ax=confusion, cmap="Blues")
    return figure


def settings_of(model: TunedThresholdClassifierCV) -> dict[str, object]:
    """What a run shows as parameters of its model."""
    return {**model.estimator_[-1].get_params(), "threshold": model.best_threshold_}


def scoring_tags(model: TunedThresholdClassifierCV) -> dict[str, str]:
    """What scoring needs to know of a version."""
    return {"model_type": MODEL_TYPE, "threshold": str(model.best_threshold_)}


def summary(model: TunedThresholdClassifierCV) -> str:
    """What the predictions of a version are."""
    return f"Whether `{LABEL}` holds: a probability of {model.best_threshold_:.4g} or more"


# % include train ~ "shared/labelled.py"
# % include train ~ "shared/run.py"
