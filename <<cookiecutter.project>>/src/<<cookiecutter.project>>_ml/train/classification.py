# % extends train ~ "training.py"
# % block purpose
# MAGIC Learns whether `<< model.name >>` holds from `<< model.domain >>_features`: 1 where the probability reaches the
# MAGIC threshold, else 0.
# % endblock

# % block label
LABEL = "<< model.name >>"  # a column of the gold table
POSITIVE = None  # the label's positive values, as ["churned"]; else the larger number, or "yes" and alike
# % endblock

# % block measures
from sklearn import metrics as scores

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
# % endblock

# % block label_functions
from pyspark.sql import Column


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
# % endblock

# % block functions
from mlflow.types.schema import Array
from sklearn.calibration import CalibrationDisplay
from sklearn.model_selection import TunedThresholdClassifierCV


# % if on_spark
# % include train ~ "spark_learning.py"
def fit(data: TrainingData) -> TunedThresholdClassifierCV:
    """The best model of SEARCH, fitted to all rows to learn from, with the best threshold of before that."""
    chosen, settings = choose(data)
    model = TunedThresholdClassifierCV(chosen, scoring=THRESHOLD_BY, cv="prefit", refit=False)
    model.fit(data.validation.drop(columns=LABEL), data.validation[LABEL])
    model.estimator_ = fit_on_spark(data.train, data.examples, settings)
    return model


# % else
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
# % endif
def predict(model: TunedThresholdClassifierCV, rows: pd.DataFrame) -> pd.DataFrame:
    """Columns `probability` and `prediction`, 1 where it reaches the model's threshold, else 0."""
    probability = model.predict_proba(rows[list(model.feature_names_in_)])[:, 1]
    is_positive = probability >= getattr(model, "best_threshold_", 0.5)
    return pd.DataFrame({"probability": probability, "prediction": is_positive.astype(int)}, rows.index)


# % if on_spark
def predict_baseline(train: DataFrame, holdout: pd.DataFrame) -> pd.DataFrame:
    """What one would predict without any feature: the share of positive rows."""
    share = train.agg(F.mean(LABEL)).first()[0]
# % else
def predict_baseline(train: pd.DataFrame, holdout: pd.DataFrame) -> pd.DataFrame:
    """What one would predict without any feature: the share of positive rows."""
    share = train[LABEL].mean()
# % endif
    return pd.DataFrame({"probability": share, "prediction": int(share >= 0.5)}, holdout.index)


def evaluate(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, float]:
    """Each of METRICS."""
    return {name: float(metric(truth, predicted)) for name, metric in METRICS.items()}


def goodness(truth: pd.Series, predicted: pd.DataFrame) -> float:
    """COMPARED_BY, with the sign that makes larger better."""
    value = METRICS[COMPARED_BY](truth, predicted)
    return -value if LOWER_IS_BETTER else value


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


# % include train ~ "importance.py"
# % endblock

# % block promotion
# % include train ~ "promotion.py"
# % endblock
