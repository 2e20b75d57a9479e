def predict_baseline(data: TrainingData) -> pd.DataFrame:
    """What one would predict of the holdout without any feature: the share of positive rows."""
    share = mean_of(data.train<< ".examples" if learning == "on_spark" >>[LABEL])
    return pd.DataFrame({"probability": share, "prediction": int(share >= 0.5)}, data.holdout.index)
