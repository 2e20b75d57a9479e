def typical(label: pd.Series) -> float:
    """The constant that BASELINE names."""
    return label.median() if BASELINE == "median" else mean_of(label)


def best_constant(truth: pd.Series) -> pd.Series:
    """The constant that fits these rows best."""
    return pd.Series(typical(truth), index=truth.index)


def predict_baseline(data: TrainingData) -> pd.Series:
    """What one would predict of the holdout without any feature."""
    return pd.Series(typical(data.train<< ".examples" if learning == "on_spark" >>[LABEL]), index=data.holdout.index)
