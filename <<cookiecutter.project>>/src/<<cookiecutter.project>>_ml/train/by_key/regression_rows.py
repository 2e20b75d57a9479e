def select_rows(gold: DataFrame) -> DataFrame:
    """Key, label and time of the rows with a label, and what WEIGHT and SEGMENT ask for."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    return usable(with_time(gold, F.col(LABEL).cast("double").alias(LABEL), *row_columns(gold)))
