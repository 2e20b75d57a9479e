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
