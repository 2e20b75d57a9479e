# % include train ~ "reference/labelled.py"
def log_reference(data: TrainingData, predicted: pd.DataFrame) -> None:
    """Logs what monitoring needs: how columns and probabilities are spread, positive values, the metrics."""
    reference = {**spread(data, predicted["probability"]), **measured(data, predicted)}
    positive = [str(value) for value in positive_values(data.gold.df)]
    mlflow.log_dict({**reference, "positive": positive}, "reference.json")
