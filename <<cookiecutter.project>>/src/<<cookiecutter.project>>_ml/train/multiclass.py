# Databricks notebook source
# MAGIC %md
# MAGIC # Train << model.name >>
# MAGIC
# MAGIC Learns which class `<< model.name >>` is from `<< model.domain >>_features`: the likeliest, with the probability
# MAGIC of each.
# % include train ~ "shared/setup.py"
import json

from pyspark.sql import Column
from pyspark.sql.types import StringType
from mlflow.types.schema import Array
from sklearn import metrics as scores
from sklearn.calibration import CalibrationDisplay

LABEL = "<< model.name >>"  # a column of the gold table, whose values, as text, are the classes
MAX_CLASSES = 100  # a label with more values is refused
# % include train ~ "shared/settings.py"
WEIGHT = None  # a column of the gold table with how much each row counts, which is then no feature
SEGMENT = None  # a column of the gold table, by whose values the metrics are logged too
METRICS = {  # each compares the label with the prediction, or with the probabilities, a column for each class
    "log_loss": lambda truth, found, **weights: log_loss(truth, found["probabilities"], **weights),
    "accuracy": lambda truth, found, **weights: scores.accuracy_score(*codes(truth, found), **weights),
    "f1_macro": lambda truth, found, **weights: scores.f1_score(
        *codes(truth, found), average="macro", zero_division=0, **weights
    ),
    "roc_auc_ovr": lambda truth, found, **weights: roc_auc_ovr(truth, found["probabilities"], **weights),
}
COMPARED_BY, LOWER_IS_BETTER = "log_loss", True
# % include train ~ "shared/algorithm.py"
def class_of(gold: DataFrame) -> Column:
    """The label as text; NULL where it is missing, NaN or infinite."""
    text = F.col(LABEL).cast("string")
    if isinstance(gold.schema[LABEL].dataType, StringType):
        return F.trim(text)
    is_number = dict(gold.dtypes)[LABEL] in ("double", "float")
    return F.when(F.abs(LABEL) < float("inf"), text) if is_number else text


def select_rows(gold: DataFrame) -> DataFrame:
    """Key, label and time of the rows with a label, and what WEIGHT and SEGMENT ask for."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    rows = with_weight(with_time(gold, class_of(gold).alias(LABEL), *row_columns(gold)))
    return rows.where(F.col(LABEL).isNotNull())


# % include train ~ "shared/weights.py"


def without_rare_classes(
    train: pd.DataFrame, holdout: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The rows of classes with FOLDS rows to learn from, or more; a sentence names the others."""
    counts, least = pd.concat([train, holdout])[LABEL].value_counts(), max(FOLDS, 2)
    if len(counts) > MAX_CLASSES:
        problem = f"label {LABEL} has {len(counts)} values, more than MAX_CLASSES, {MAX_CLASSES}"
        raise ValueError(f"{problem}; make the rare ones one, or raise it, or learn a number by a regression")
    learnt = train[LABEL].value_counts()
    rare = counts.drop(learnt[learnt >= least].index)
    train, holdout = train[~train[LABEL].isin(rare.index)], holdout[~holdout[LABEL].isin(rare.index)]
    named = ", ".join(f"{name} ({count})" for name, count in rare.items())
    said = [f"rows of {named} are left out, since fewer than {least} of each are to learn from"] * bool(named)
    if len(train) < MIN_ROWS or holdout[LABEL].nunique() < 2:
        found = f"{len(train)} rows to learn from, {holdout[LABEL].nunique()} classes in the holdout"
        raise Skipped("; ".join([f"label {LABEL} has {found}, {MIN_ROWS} and 2 needed", *said]))
    return train, holdout, said


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: the probability of each class for each row, in the order of the classes.
RETURNS = {
    "pyfunc_predict_fn": "predict_proba",
    "output_schema": Schema([ColSpec(Array(DataType.double))]),
}


# % include train ~ learning ~ "/multiclass.py"
def codes(truth: pd.Series, found: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Label and prediction with a number for each class, since scikit-learn is slow on texts."""
    numbers, _ = pd.factorize(np.concatenate([truth, found["prediction"]]))
    return numbers[: len(truth)], numbers[len(truth) :]


def log_loss(truth: pd.Series, probabilities: pd.DataFrame, **weights: object) -> float:
    """The mean of -log of the probability of the true class, which is 0 if the model does not know it."""
    columns = probabilities.columns.get_indexer(truth)
    values = probabilities.to_numpy()[np.arange(len(truth)), columns]
    losses = -np.log(np.clip(np.where(columns < 0, 0, values), 1e-15, 1))
    return float(np.average(losses, weights=weights.get("sample_weight")))


def roc_auc_ovr(truth: pd.Series, probabilities: pd.DataFrame, **weights: object) -> float:
    """The area of each class against all others, by their mean; 0.5 for one that the model does not know."""
    known = probabilities.reindex(columns=truth.unique(), fill_value=0.0)
    return float(np.mean([scores.roc_auc_score(truth == name, known[name], **weights) for name in known]))


def with_prediction(probabilities: pd.DataFrame) -> pd.DataFrame:
    """Columns `probabilities`, one for each class, and `prediction`, the likeliest."""
    found = pd.concat({"probabilities": probabilities}, axis=1)
    found["prediction"] = probabilities.idxmax(axis=1)
    return found


def shares_of(label: pd.Series, index: pd.Index) -> pd.DataFrame:
    """The share of each class in a label, predicted for all rows."""
    weights = pd.Series(weights_of(label).get("sample_weight", 1), label.index)
    shares = weights.groupby(label.to_numpy()).sum() / weights.sum()
    return with_prediction(pd.DataFrame([shares.to_numpy()] * len(index), index, shares.index.to_numpy()))


def best_constant(truth: pd.Series) -> pd.DataFrame:
    """The constant that fits these rows best: the share of each class."""
    return shares_of(truth, truth.index)


def predict_baseline(data: TrainingData) -> pd.DataFrame:
    """What one would predict of the holdout without any feature: the share of each class."""
    return shares_of(data.train[LABEL], data.holdout.index)


def predict(model: BaseEstimator, rows: pd.DataFrame) -> pd.DataFrame:
    """Columns `probabilities`, one for each class, and `prediction`, the likeliest."""
    probabilities = model.predict_proba(rows[list(model.feature_names_in_)]).astype(float)
    return with_prediction(pd.DataFrame(probabilities, rows.index, [str(name) for name in model.classes_]))


def plot(truth: pd.Series, predicted: pd.DataFrame) -> Figure:
    """The confusion of the 15 commonest classes, their recall and precision, and the calibration."""
    names, others = list(truth.value_counts().index[:15]), "(others)"
    actual, found = (
        label.where(label.isin(names), others).to_numpy(str) for label in (truth, predicted["prediction"])
    )
    labels = [*names, others] if others in {*actual, *found} else names
    shown = [name[:20] for name in labels]
    figure = Figure(figsize=(13, 11), layout="constrained")
    figure.suptitle(f"{LABEL}: holdout of {len(truth)} rows, {truth.nunique()} classes")
    confusion, bars, calibration, spread = figure.subplots(2, 2).flat
    scores.ConfusionMatrixDisplay.from_predictions(
        actual,
        found,
        labels=labels,
        display_labels=shown,
        xticks_rotation="vertical",
        cmap="Blues",
        ax=confusion,
        colorbar=False,
    )
    places = np.arange(len(labels))
    by_class = {"recall": scores.recall_score, "precision": scores.precision_score}
    for offset, (name, score) in zip((-0.2, 0.2), by_class.items(), strict=True):
        values = score(actual, found, labels=labels, average=None, zero_division=0)
        bars.barh(places + offset, values, 0.4, label=name)
    bars.set_yticks(places, shown)
    bars.invert_yaxis()
    bars.set_xlim(0, 1)
    bars.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)  # above the bars
    probability = predicted["probabilities"].max(axis=1)
    is_right = (truth == predicted["prediction"]).astype(int)
    CalibrationDisplay.from_predictions(is_right, probability, n_bins=10, strategy="quantile", ax=calibration)
    calibration.set(xlabel="probability of the predicted class", ylabel="share that is right")
    spread.hist([probability[is_right == 1], probability[is_right == 0]], 20, stacked=True)
    spread.legend(["right", "wrong"])
    spread.set(xlabel="probability of the predicted class", ylabel="rows")
    return figure


def settings_of(model: BaseEstimator) -> dict[str, object]:
    """What a run shows as parameters of its model."""
    inner = model.classifier_
    last = inner[-1] if isinstance(inner, Pipeline) else inner
    return {**last.get_params(deep=False), "classes": len(model.classes_)}


def scoring_tags(model: BaseEstimator) -> dict[str, str]:
    """What scoring needs to know of a version: the classes as JSON, which has as many tags as it needs."""
    text = json.dumps(list(model.classes_), separators=(",", ":"))
    text = text.replace(" ", "\\u0020")  # since a tag's value ends with no space, and has 1,000 characters
    parts = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    return {"model_type": MODEL_TYPE} | {f"classes_{n:02}": part for n, part in enumerate(parts)}


def summary(model: BaseEstimator) -> str:
    """What the predictions of a version are."""
    names, count = [*model.classes_[:10]], len(model.classes_)
    return f"The class of `{LABEL}`, one of {count} ({', '.join(names + ['...'] * (count > 10))})"


def check_settings() -> None:
    """Refuses what cannot be meant among the constants above."""
    check_metrics()


def groups_to_draw_from(truth: pd.Series) -> list[np.ndarray]:
    """The rows of each class, of which samples have as many, since one class may be rare."""
    return [np.flatnonzero(truth == value) for value in truth.unique()]


# % include train ~ "shared/labelled.py"
