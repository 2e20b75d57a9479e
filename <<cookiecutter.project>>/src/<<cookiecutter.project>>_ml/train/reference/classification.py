# % include train ~ "reference/labelled.py"
def positive_values(gold: DataFrame) -> list[str]:
    """The values of the label that are positive, as monitoring finds them in the gold table again."""
    is_text = dict(gold.dtypes)[LABEL] == "string"
    value = (F.lower(F.trim(LABEL)) if is_text else F.col(LABEL).cast("double").cast("string")).alias("value")
    found = gold.where(binary_label(gold) == 1).select(value).distinct().collect()
    return sorted(row.value for row in found)


def log_reference(data: TrainingData, predicted: pd.DataFrame) -> None:
    """Logs what monitoring needs: how columns and probabilities are spread, positive values, the metrics."""
    reference = {**spread(data, predicted["probability"]), **measured(data, predicted)}
    mlflow.log_dict({**reference, "positive": positive_values(data.gold.df)}, "reference.json")
