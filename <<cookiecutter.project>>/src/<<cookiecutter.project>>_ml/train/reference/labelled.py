def with_intervals(truth: pd.Series, predicted: pd.<< kind >>) -> dict:
    """Each metric of the holdout, with three standard errors to both sides, by 25 samples of its rows."""
    truth, predicted = without_index(truth), without_index(predicted)
    chance, size = np.random.default_rng(42), min(len(truth), 10_000)
    draws = [chance.integers(0, len(truth), size) for _ in range(25)]
    draws = [rows for rows in draws if truth.iloc[rows].nunique() > 1]
    found = pd.DataFrame([evaluate(truth.iloc[rows], predicted.iloc[rows]) for rows in draws], dtype=float)
    scale = 3 * (size / len(truth)) ** 0.5  # of smaller samples, metrics spread more
    errors = {name: scale * float(found[name].std()) if name in found else np.nan for name in METRICS}
    metrics = evaluate(truth, predicted).items()
    return {name: [value, value - errors[name], value + errors[name]] for name, value in metrics}


def measured(data: TrainingData, predicted: pd.<< kind >>) -> dict:
    """The metrics of the holdout, and the one that versions are compared by."""
    metrics = with_intervals(data.holdout[LABEL], predicted)
    compared = {"compared_by": COMPARED_BY, "lower_is_better": LOWER_IS_BETTER}
    return {"metrics": metrics, "weight": WEIGHT, **compared}
