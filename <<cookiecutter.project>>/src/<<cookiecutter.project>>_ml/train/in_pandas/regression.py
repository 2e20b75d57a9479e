from functools import partial

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, KFold, ParameterGrid, TimeSeriesSplit


def to_log(label: np.ndarray, unit: float) -> np.ndarray:
    """The log of a label that may be 0; of one below, which is new to the label, that of 0."""
    return np.log1p(np.maximum(label, 0) / unit)


def from_log(logs: np.ndarray, unit: float) -> np.ndarray:
    """The inverse of to_log, finite whatever a model extrapolates."""
    return unit * np.expm1(np.minimum(logs, 50))


def settings_to_try(label: pd.Series) -> list[dict]:
    """Those of SEARCH, for the label and, if it is skewed, for its log."""
    is_skewed = label.min() >= 0 and label.skew() > MIN_SKEW
    # Of values far below 1, as money in millions, log1p would be no log.
    unit = {"unit": min(1.0, float(label[label > 0].quantile(0.05)))}
    log = {"func": [partial(to_log, **unit)], "inverse_func": [partial(from_log, **unit)]}
    logs = [{"func": [None], "inverse_func": [None]}, log]
    of_search = [{f"regressor__{name}": [one[name]] for name in one} for one in ParameterGrid(SEARCH)]
    return [{**log, **settings} for log in logs[: 1 + is_skewed] for settings in of_search]


def fit(train: pd.DataFrame) -> BaseEstimator:
    """The best model of SEARCH by cross-validation, by time where there is one."""
    features, label, is_timed = train.drop(columns=LABEL), train[LABEL], "observed_at" in train.index.names
    folds = TimeSeriesSplit(FOLDS) if is_timed else KFold(FOLDS, shuffle=True, random_state=42)
    model, tried = new_model(features), settings_to_try(label)
    by_log = TransformedTargetRegressor(model, check_inverse=False)
    search = GridSearchCV(by_log, tried, scoring=goodness_of, cv=folds, error_score="raise")
    search.fit(features, label, **weights_to_fit(model, features))
    results = pd.DataFrame(search.cv_results_)
    results["log_of_label"] = results["param_func"].notna()
    mlflow.log_table(results.drop(columns=["params", "param_func", "param_inverse_func"]), "search.json")
    best = search.best_estimator_
    return best if best.func else best.regressor_


def refit(model: BaseEstimator, data: TrainingData) -> BaseEstimator:
    """The model fitted once more, on all rows, to score; with the one that is judged, for comparisons."""
    rows = pd.concat([data.train, data.holdout])
    weights = weights_to_fit(getattr(model, "regressor_", model), rows)
    whole = clone(model).fit(rows.drop(columns=LABEL), rows[LABEL], **weights)
    whole.judged_ = model
    return whole
