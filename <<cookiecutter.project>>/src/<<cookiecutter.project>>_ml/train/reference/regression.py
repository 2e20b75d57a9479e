# % include train ~ "reference/labelled.py"
def log_reference(data: TrainingData, predicted: pd.Series) -> None:
    """Logs what monitoring needs: how the holdout's columns and predictions are spread, and the metrics."""
    mlflow.log_dict({**spread(data, predicted), **measured(data, predicted)}, "reference.json")
