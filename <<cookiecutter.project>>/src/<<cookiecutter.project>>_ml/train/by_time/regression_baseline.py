# % include train ~ "by_time/last.py"


def last_or_mean(data: TrainingData) -> pd.Series:
    """The label that each key of the holdout had before, or the mean."""
    return data.last.fillna(mean_of(data.train<< ".examples" if learning == "on_spark" >>[LABEL]))


def predict_baseline(data: TrainingData) -> pd.Series:
    """What one would predict of the holdout without any feature."""
    if BASELINE == "last":
        return last_or_mean(data)
    return pd.Series(typical(data.train<< ".examples" if learning == "on_spark" >>[LABEL]), index=data.holdout.index)
