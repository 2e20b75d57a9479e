from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold, TimeSeriesSplit


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
