def create_training_set(rows: DataFrame, feature_table: str, exclude_columns: list[str]) -> TrainingSet:
    """The rows with every feature of the table, looked up by its primary key."""
    lookup = FeatureLookup(table_name=feature_table, lookup_key=KEY)
    return FeatureEngineeringClient().create_training_set(
        df=rows, feature_lookups=[lookup], label=LABEL, exclude_columns=exclude_columns
    )
