SET_BY_SPARK = ("enable_categorical",)


def fit(train: SparkRows) -> BaseEstimator:
    """The best model of SEARCH, fitted to all rows to learn from."""
    _, settings = choose(train)
    return fit_on_spark(train.learnt, train, settings)


def refit(model: BaseEstimator, data: TrainingData) -> BaseEstimator:
    """The model fitted once more, on all rows, to score; with the one that is judged, for comparisons."""
    settings = {name: model.get_params()[name] for name in SEARCH}
    whole = fit_on_spark(data.train.all, data.train, settings)
    whole.judged_ = model
    return whole
