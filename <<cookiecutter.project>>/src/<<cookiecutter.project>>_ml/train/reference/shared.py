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


def never_learnt(data: TrainingData) -> str:
    """What holds for the rows that the version which scores has not learnt from."""
    holdout = data.rules["holdout"]
    if not REFIT:
        return holdout
    newest = data.holdout.index.get_level_values(0).max()
    return f"observed_at > '{newest}'" if "observed_at" in holdout else "false"


def spread(data: TrainingData, prediction: pd.Series) -> dict:
    """How the holdout's columns and the predictions are spread, and which rows were never learnt from."""
    rows = data.holdout.assign(prediction=prediction)
    return {
        "rows": len(rows),
        "columns": {name: distribution_of(rows[name]) for name in rows.columns},
        "label": LABEL,
        "never_learnt": never_learnt(data),
    }
