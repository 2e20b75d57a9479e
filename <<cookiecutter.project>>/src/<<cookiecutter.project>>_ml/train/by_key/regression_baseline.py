def best_constant(truth: pd.Series) -> pd.Series:
    """The constant that fits these rows best."""
    return pd.Series(truth.agg(BASELINE), index=truth.index)


def predict_baseline(data: TrainingData) -> pd.Series:
    """What one would predict of the holdout without any feature."""
    return pd.Series(data.train<< ".examples" if learning == "on_spark" >>[LABEL].agg(BASELINE), index=data.holdout.index)
