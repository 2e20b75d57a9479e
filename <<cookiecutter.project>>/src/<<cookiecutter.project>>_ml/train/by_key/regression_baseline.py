def quantiles_of(label: pd.Series, shares: float | np.ndarray) -> np.ndarray:
    """The values below which these shares of the rows lie, by weight if rows are weighted."""
    weights = weights_of(label).get("sample_weight")
    return np.quantile(label, shares, weights=weights, method="inverted_cdf")


def typical(label: pd.Series) -> float:
    """The constant that BASELINE names."""
    return float(quantiles_of(label, 0.5)) if BASELINE == "median" else mean_of(label)


def best_constant(truth: pd.Series) -> pd.Series:
    """The constant that COMPARED_BY finds best for these rows, among the mean and the quantiles."""
    constants = [mean_of(truth), *quantiles_of(truth, np.linspace(0.05, 0.95, 19))]
    found = [pd.Series(constant, index=truth.index) for constant in constants]
    return max(found, key=lambda constant: goodness(truth, constant))


def predict_baseline(data: TrainingData) -> pd.Series:
    """What one would predict of the holdout without any feature."""
    return pd.Series(typical(data.train<< ".examples" if learning == "on_spark" >>[LABEL]), index=data.holdout.index)
