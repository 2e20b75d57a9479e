# % include train ~ "reference/labelled.py"
def log_reference(data: TrainingData, predicted: pd.DataFrame) -> None:
    """Logs what monitoring needs: how columns and predictions are spread, the classes, and the metrics."""
    reference = {**spread(data, predicted["prediction"]), **measured(data, predicted)}
    mlflow.log_dict({**reference, "classes": list(predicted["probabilities"])}, "reference.json")
