# % set kind = "DataFrame" if model.type == "classification" else "Series"
from sklearn.inspection import permutation_importance


def evaluate(truth: pd.Series, predicted: pd.<< kind >>) -> dict[str, float]:
    """Each of METRICS."""
    return {name: float(metric(truth, predicted)) for name, metric in METRICS.items()}


def goodness(truth: pd.Series, predicted: pd.<< kind >>) -> float:
    """COMPARED_BY, with the sign that makes larger better."""
    value = METRICS[COMPARED_BY](truth, predicted)
    return -value if LOWER_IS_BETTER else value


def goodness_of(model: Pipeline, features: pd.DataFrame, truth: pd.Series) -> float:
    """The same, as scikit-learn asks for it."""
    return goodness(truth, predict(model, features))


def plot_importance(model: Pipeline, holdout: pd.DataFrame) -> Figure:
    """How much worse the predictions get once a feature is shuffled among the rows."""
    rows = holdout.sample(min(len(holdout), 2000), random_state=42)
    features, truth = rows[list(model.feature_names_in_)], rows[LABEL]
    found = permutation_importance(model, features, truth, scoring=goodness_of, n_repeats=3, random_state=42)
    loss = f"{COMPARED_BY} lost by shuffling the feature"
    shown = pd.Series(found.importances_mean, model.feature_names_in_).sort_values().tail(20)
    figure = Figure(figsize=(8, 2 + 0.25 * len(shown)), layout="constrained")
    axes = figure.subplots()
    axes.barh(shown.index, shown)
    axes.set(xlabel=loss, title=f"importance of features, by {len(rows)} rows of the holdout")
    return figure


# COMMAND ----------


# DBTITLE 1,Promotion
# A version becomes champion if it is better than the baseline beyond doubt, and better than the champion
# by more than promotion_margin, on the same holdout. With approval manual it must also be better than
# the challenger, becomes challenger, and waits.
def compare(name: str, truth: pd.Series, ours: pd.<< kind >>, theirs: pd.<< kind >>) -> tuple:
    """How much better ours are, the least that this may be, and both in a sentence; logs the metrics."""

    def gain(rows: np.ndarray) -> float:
        drawn = truth.iloc[rows]
        return goodness(drawn, ours.iloc[rows]) - goodness(drawn, theirs.iloc[rows])

    chance, rows = np.random.default_rng(42), np.arange(len(truth))
    low, high = np.percentile([gain(chance.choice(rows, len(rows))) for _ in range(200)], [2.5, 97.5])
    better = gain(rows)
    metrics = evaluate(truth, theirs) | {"gain": better, "gain_low": low, "gain_high": high}
    mlflow.log_metrics({f"{name}_{metric}": value for metric, value in metrics.items()})
    found = f"{COMPARED_BY} {evaluate(truth, ours)[COMPARED_BY]:.6g}, {name} {metrics[COMPARED_BY]:.6g}"
    return better, low, f"{found}, a gain of {better:.3g} (95 % interval {low:.3g} to {high:.3g})"


def judge(registered_model: str, data: TrainingData, model: Pipeline, aliases: dict) -> tuple[str, str]:
    """The alias that a version deserves, or none, and why; logs what it was compared with."""
    is_manual, margin = dbutils.widgets.get("approval") == "manual", dbutils.widgets.get("promotion_margin")
    truth, predicted = data.holdout[LABEL], predict(model, data.holdout)
    baseline = predict_baseline(data.train, data.holdout)
    _, low, reason = compare("baseline", truth, predicted, baseline)
    if not low > 0:
        return "", f"{reason}: it may be no better than knowing nothing"
    for alias in ["champion", "challenger"] if is_manual else ["champion"]:
        if version := aliases.get(alias):
            try:
                raw_model = f"models:/{registered_model}/{version}/data/feature_store/raw_model"
                theirs = predict(mlflow.pyfunc.load_model(raw_model).get_raw_model(), data.holdout)
            except Exception as error:
                reason += f"; not compared with {alias} {version}, which cannot predict these rows: {error}"
                continue
            better, _, sentence = compare(alias, truth, predicted, theirs)
            reason = f"{sentence}, version {version}; {reason}"
            if goodness(truth, theirs) <= goodness(truth, baseline):
                reason += f"; {alias} {version} is no better than the baseline any more"
            if better <= float(margin):
                return "" if is_manual else "challenger", reason
    return ("challenger", f"{reason}; it waits for approval") if is_manual else ("champion", reason)
