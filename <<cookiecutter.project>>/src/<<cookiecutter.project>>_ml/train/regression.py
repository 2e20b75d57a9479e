# % extends train ~ "training.py"
# % block purpose
# MAGIC Learns the number `<< model.name >>` from `<< model.domain >>_features`.
# % endblock

# % block label
LABEL = "<< model.name >>"  # a column of the gold table
# % endblock

# % block measures
from sklearn import metrics as scores

METRICS = {  # each compares the label with the prediction
    "rmse": scores.root_mean_squared_error,
    "mae": scores.mean_absolute_error,
    "median_absolute_error": scores.median_absolute_error,
    "r2": scores.r2_score,
}
COMPARED_BY, LOWER_IS_BETTER = "rmse", True
BASELINE = "mean"  # of the label, which a model must beat; "median" suits "mae"
# % endblock

# % block functions
# % if on_spark
# % include train ~ "spark_learning.py"
def fit(data: TrainingData) -> Pipeline:
    """The best model of SEARCH, fitted to all rows to learn from."""
    _, settings = choose(data)
    return fit_on_spark(data.train, data.examples, settings)


# % else
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit


def fit(train: pd.DataFrame) -> Pipeline:
    """The best model of SEARCH by cross-validation, by time where there is one."""
    features, is_timed = train.drop(columns=LABEL), train.index.name == "observed_at"
    folds = TimeSeriesSplit(FOLDS) if is_timed else KFold(FOLDS, shuffle=True, random_state=42)
    search = GridSearchCV(new_model(features), SEARCH, scoring=goodness_of, cv=folds, error_score="raise")
    search.fit(features, train[LABEL])
    mlflow.log_table(pd.DataFrame(search.cv_results_).drop(columns="params"), "search.json")
    return search.best_estimator_
# % endif
def predict(model: Pipeline, rows: pd.DataFrame) -> pd.Series:
    """Predictions in the label's unit."""
    return pd.Series(model.predict(rows[list(model.feature_names_in_)]), index=rows.index)


# % if on_spark
def predict_baseline(train: DataFrame, holdout: pd.DataFrame) -> pd.Series:
    """What one would predict without any feature."""
    return pd.Series(train.agg(F.expr(f"{BASELINE}(`{LABEL}`)")).first()[0], index=holdout.index)


# % else
def predict_baseline(train: pd.DataFrame, holdout: pd.DataFrame) -> pd.Series:
    """What one would predict without any feature."""
    return pd.Series(train[LABEL].agg(BASELINE), index=holdout.index)
# % endif
def evaluate(truth: pd.Series, predicted: pd.Series) -> dict[str, float]:
    """Each of METRICS."""
    return {name: float(metric(truth, predicted)) for name, metric in METRICS.items()}


def goodness(truth: pd.Series, predicted: pd.Series) -> float:
    """COMPARED_BY, with the sign that makes larger better."""
    value = METRICS[COMPARED_BY](truth, predicted)
    return -value if LOWER_IS_BETTER else value


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


# % include train ~ "importance.py"
# % endblock

# % block promotion
# % include train ~ "promotion.py"
# % endblock
