# Databricks notebook source
# MAGIC %md
# MAGIC # Train << model.name >>
# MAGIC
# MAGIC Learns whether `<< model.name >>` holds from `<< model.domain >>_features`: 1 where the probability reaches the
# MAGIC threshold, else 0.
# % include train ~ "shared/setup.py"
from mlflow.types.schema import Array
from pyspark.sql import Column
from pyspark.sql.types import StringType
from sklearn import config_context
from sklearn import metrics as scores
from sklearn.calibration import CalibrationDisplay
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

LABEL = "<< model.name >>"  # a column of the gold table
POSITIVE = None  # the positive values, as ["churned"]; else the larger number, or "yes" and alike
# % include train ~ "shared/settings.py"
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
# databricks registered-models set-alias CATALOG.SCHEMA.<< model.name >> champion VERSION
THRESHOLD_BY = "f1"
# % include train ~ "shared/algorithm.py"
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


# % include train ~ "shared/weights.py"


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: the probabilities of 0 and of 1 for each row.
RETURNS = {
    "pyfunc_predict_fn": "predict_proba",
    "output_schema": Schema([ColSpec(Array(DataType.double))]),
}


# % include train ~ learning ~ "/classification.py"
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


# % include train ~ lookup ~ "/classification_baseline.py"


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


# % include train ~ "shared/labelled.py"
