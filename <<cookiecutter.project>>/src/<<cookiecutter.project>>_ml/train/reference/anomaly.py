def log_reference(data: TrainingData, predicted: pd.DataFrame) -> None:
    """Logs what monitoring needs: how the holdout's columns and scores are spread."""
    mlflow.log_dict(spread(data, predicted["score"]), "reference.json")
