from sklearn.base import ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedKFold, TimeSeriesSplit


class TextClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of texts by one of numbers from 0 on, which all algorithms take.

    To none a class is impossible, as to a forest of which no tree knows it: it counts as if one row more had
    been seen, of each class an equal part.
    """

    def __init__(self, classifier: BaseEstimator) -> None:
        self.classifier = classifier

    def fit(self, features: pd.DataFrame, label: pd.Series, **how: object) -> "TextClassifier":
        self.classes_, codes = np.unique(label.to_numpy(str), return_inverse=True)
        self.rows_ = len(codes)
        self.feature_names_in_ = features.columns.to_numpy(object)
        self.classifier_ = clone(self.classifier).fit(features, codes, **how)
        return self

    def predict_proba(self, features: pd.DataFrame) -> np.ndarray:
        probabilities = self.classifier_.predict_proba(features).astype(float)
        return (probabilities * self.rows_ + 1 / len(self.classes_)) / (self.rows_ + 1)

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        return self.classes_[self.predict_proba(features).argmax(axis=1)]


def make_folds(label: pd.Series) -> TimeSeriesSplit | StratifiedKFold:
    """Parts for cross-validation, by time if each has two rows of every class, else by class."""
    by_time, classes = TimeSeriesSplit(FOLDS), label.nunique()
    parts = [label.iloc[rows].value_counts() for pair in by_time.split(label) for rows in pair]
    is_timed = "observed_at" in label.index.names and all(
        len(part) == classes and part.min() >= 2 for part in parts
    )
    return by_time if is_timed else StratifiedKFold(FOLDS, shuffle=True, random_state=42)


def fit(train: pd.DataFrame) -> BaseEstimator:
    """The best model of SEARCH by cross-validation, by time if it can be."""
    features, label = train.drop(columns=LABEL), train[LABEL]
    tried = [{f"classifier__{name}": [one[name]] for name in one} for one in ParameterGrid(SEARCH)]
    model, folds = new_model(features), make_folds(label)
    search = GridSearchCV(TextClassifier(model), tried, scoring=goodness_of, cv=folds, error_score="raise")
    search.fit(features, label, **weights_to_fit(model, features))
    mlflow.log_table(pd.DataFrame(search.cv_results_).drop(columns="params"), "search.json")
    return search.best_estimator_


def refit(model: BaseEstimator, data: TrainingData) -> BaseEstimator:
    """The model fitted once more, on all rows, to score; with the one that is judged, for comparisons."""
    rows = pd.concat([data.train, data.holdout])
    weights = weights_to_fit(model.classifier_, rows)
    whole = clone(model).fit(rows.drop(columns=LABEL), rows[LABEL], **weights)
    whole.judged_ = model
    return whole
