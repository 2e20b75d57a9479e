def predict_baseline(data: TrainingData) -> pd.Series:
    """What one would predict of the holdout without any feature."""
    return pd.Series(typical(data.train<< ".examples" if learning == "on_spark" >>[LABEL]), index=data.holdout.index)
