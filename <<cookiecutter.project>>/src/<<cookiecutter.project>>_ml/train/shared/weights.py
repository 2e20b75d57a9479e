def row_columns(gold: DataFrame) -> list[Column]:
    """WEIGHT and SEGMENT, where they are set, as `_weight` and `_segment`."""
    found = []
    for constant, name, kind in (("WEIGHT", WEIGHT, "double"), ("SEGMENT", SEGMENT, "string")):
        if name and name not in gold.columns:
            raise ValueError(f"the gold table has no column {name}; correct {constant}, or add the column")
        if name:
            found.append(F.col(f"`{name}`").cast(kind).alias(f"_{constant.lower()}"))
    return found


def with_weight(rows: DataFrame) -> DataFrame:
    """The rows; if they are weighted, those with a weight above 0, which NaN and infinities are not."""
    return rows.where("_weight > 0 AND _weight < double('Infinity')") if WEIGHT else rows


def weights_of(rows: pd.DataFrame | pd.Series) -> dict[str, np.ndarray]:
    """The weights of rows, which stand in their index, as scikit-learn takes them; empty without WEIGHT."""
    return {"sample_weight": rows.index.get_level_values("_weight").to_numpy()} if WEIGHT else {}


def weights_to_fit(model: BaseEstimator, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The same as arguments of a model's `fit`: of a pipeline, for its last step."""
    step = f"{model.steps[-1][0]}__" if isinstance(model, Pipeline) else ""
    return {f"{step}{name}": weights for name, weights in weights_of(rows).items()}


def mean_of(label: pd.Series) -> float:
    """The mean, weighted if rows are."""
    return float(np.average(label, weights=weights_of(label).get("sample_weight")))


def log_segments(truth: pd.Series, predicted: pd.Series | pd.DataFrame) -> None:
    """Logs METRICS for each of the 50 commonest values of SEGMENT, as segments.json."""
    if not SEGMENT:
        return
    segments, found = truth.index.get_level_values("_segment").fillna("NULL"), []
    for segment, count in segments.value_counts().head(50).items():
        part = segments == segment
        metrics = evaluate(truth[part], predicted[part]) if << "count > 1" if model.type == "regression" else "truth[part].nunique() > 1" >> else {}
        found.append({SEGMENT: segment, "rows": int(count), **metrics})
    table = pd.DataFrame(found).to_dict(orient="split", index=False)
    mlflow.log_dict(table, "segments.json")  # log_table would add to it if versions are compared again
