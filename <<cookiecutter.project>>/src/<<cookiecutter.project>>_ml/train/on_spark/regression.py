SET_BY_SPARK = ("enable_categorical",)


def fit(train: SparkRows) -> BaseEstimator:
    """The best model of SEARCH, fitted to all rows to learn from."""
    _, settings = choose(train)
    model = fit_on_spark(train.learnt, train, settings)
    model.settings_ = settings
    return model


def refit(model: BaseEstimator, data: TrainingData) -> BaseEstimator:
    """The model fitted once more, on all rows, to score; with the one that is judged, for comparisons."""
    train = data.train._replace(examples=pd.concat([data.train.examples, data.holdout]))
    whole = fit_on_spark(train.all, train, model.settings_)
    whole.judged_ = model
    return whole
