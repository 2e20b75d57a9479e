# COMMAND ----------


# DBTITLE 1,The reference, which monitoring compares later rows with
def distribution_of(values: pd.Series) -> dict:
    """The share of missing values; the others by at most 10 quantile bins, or by their 50 commonest texts."""
    known, missing = values.dropna(), float(values.isna().mean())
    if not pd.api.types.is_numeric_dtype(values):
        counts = known.astype(str).value_counts()
        texts, rest = counts.head(50), counts.iloc[50:].sum()
        return {"texts": list(texts.index), "counts": [*map(int, texts), int(rest)], "missing": missing}
    if known.empty:
        return {"edges": [], "counts": [0], "means": [0.0], "missing": missing}
    known = known.to_numpy("float32")  # as monitoring compares them, so that equal values stay equal
    edges = np.unique(np.quantile(known, np.arange(0.1, 1, 0.1), method="lower"))
    edges, most = edges[edges < known.max()], known.max()
    if not edges.size:  # nearly all are the largest: it gets a bin of its own
        edges = np.array([np.nextafter(most, np.float32("-inf")), most])
    bins, size = np.searchsorted(edges, known), len(edges) + 1
    counts = np.bincount(bins, minlength=size)
    means = np.bincount(bins, known, size) / np.maximum(counts, 1)
    numbers = {"edges": edges.tolist(), "counts": counts.tolist(), "means": means.tolist()}
    return {**numbers, "missing": missing}


# % if model.type != "anomaly"
def with_intervals(truth: pd.Series, predicted: pd.<< "DataFrame" if model.type == "classification" else "Series" >>) -> dict:
    """Each metric of the holdout, with three standard errors to both sides, by 25 samples of its rows."""
    chance, size = np.random.default_rng(42), min(len(truth), 10_000)
    draws = [chance.integers(0, len(truth), size) for _ in range(25)]
    draws = [rows for rows in draws if truth.iloc[rows].nunique() > 1]
    found = pd.DataFrame([evaluate(truth.iloc[rows], predicted.iloc[rows]) for rows in draws], dtype=float)
    scale = 3 * (size / len(truth)) ** 0.5  # of smaller samples, metrics spread more
    errors = {name: scale * float(found[name].std()) if name in found else np.nan for name in METRICS}
    metrics = evaluate(truth, predicted).items()
    return {name: [value, value - errors[name], value + errors[name]] for name, value in metrics}


# % endif
# % if model.type == "classification"
def positive_values(gold: DataFrame) -> list[str]:
    """The values of the label that are positive, as monitoring finds them in the gold table again."""
    is_text = dict(gold.dtypes)[LABEL] == "string"
    value = (F.lower(F.trim(LABEL)) if is_text else F.col(LABEL).cast("double").cast("string")).alias("value")
    found = gold.where(binary_label(gold) == 1).select(value).distinct().limit(100).collect()
    return sorted(row.value for row in found)


# % endif
def never_learnt(data: TrainingData) -> str:
    """What holds for the rows that the version which scores has not learnt from."""
    holdout = data.rules["holdout"]
    if not REFIT:
        return holdout
    return f"observed_at > '{data.holdout.index.max()}'" if "observed_at" in holdout else "false"


def log_reference(data: TrainingData, predicted: pd.<< "Series" if model.type == "regression" else "DataFrame" >>) -> None:
    """Logs what monitoring needs: how the holdout's columns and predictions are spread, and the metrics."""
# % if model.type == "regression"
    rows = data.holdout.assign(prediction=predicted)
# % else
    rows = data.holdout.assign(prediction=predicted["<< 'probability' if model.type == 'classification' else 'score' >>"])
# % endif
    reference = {
        "rows": len(rows),
        "columns": {name: distribution_of(rows[name]) for name in rows.columns},
        "label": LABEL,
        "never_learnt": never_learnt(data),
# % if model.type == "classification"
        "positive": positive_values(data.gold.df),
# % endif
# % if model.type != "anomaly"
        "metrics": with_intervals(data.holdout[LABEL], predicted),
        "compared_by": COMPARED_BY,
        "lower_is_better": LOWER_IS_BETTER,
# % endif
    }
    mlflow.log_dict(reference, "reference.json")
