# % include train ~ "by_time/last.py"


def last_or_mean(data: TrainingData) -> pd.DataFrame:
    """Whether each key of the holdout was positive before, or the share of positive rows."""
    probability = data.last.fillna(mean_of(data.train<< ".examples" if learning == "on_spark" >>[LABEL]))
    return pd.DataFrame({"probability": probability, "prediction": (probability >= 0.5).astype(int)})


# % include train ~ "by_key/classification_baseline.py"
