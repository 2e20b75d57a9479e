def best_constant(truth: pd.Series) -> pd.Series:
    """The constant that fits these rows best."""
    return pd.Series(truth.agg("mean" if BASELINE == "last" else BASELINE), index=truth.index)


def last_or_mean(data: TrainingData) -> pd.Series:
    """The label that each key of the holdout had before, or the mean."""
    return data.last.fillna(data.train<< ".examples" if learning == "on_spark" >>[LABEL].mean())


def predict_baseline(data: TrainingData) -> pd.Series:
    """What one would predict of the holdout without any feature."""
    if BASELINE == "last":
        return last_or_mean(data)
    return pd.Series(data.train<< ".examples" if learning == "on_spark" >>[LABEL].agg(BASELINE), index=data.holdout.index)
