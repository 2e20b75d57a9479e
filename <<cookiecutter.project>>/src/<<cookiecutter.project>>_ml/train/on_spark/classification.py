import copy

SET_BY_SPARK = ("enable_categorical", "objective")


def fit(train: SparkRows) -> BaseEstimator:
    """The best model of SEARCH, fitted to all rows to learn from, with the best threshold of before that."""
    chosen, settings = choose(train)
    features, label = train.validation.drop(columns=LABEL), train.validation[LABEL]
    model = fit_threshold(FrozenEstimator(chosen), features, label, cv="prefit", refit=False)
    model.estimator_, model.settings_ = fit_on_spark(train.learnt, train, settings), settings
    return model


def refit(model: BaseEstimator, data: TrainingData) -> BaseEstimator:
    """The model fitted once more, on all rows, to score; with the one that is judged, for comparisons."""
    train = data.train._replace(examples=pd.concat([data.train.examples, data.holdout]))
    whole = copy.copy(model)
    whole.estimator_ = fit_on_spark(train.all, train, model.settings_)
    whole.judged_ = model
    return whole
