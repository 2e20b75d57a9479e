# Databricks notebook source
# MAGIC %md
# MAGIC # Train << model.name >>
# MAGIC
# MAGIC Learns what is normal from `<< model.domain >>_features`. A score below 0 is an anomaly, with the prediction -1.
# % include train ~ "shared/setup.py"
from sklearn.base import clone
from sklearn.inspection import permutation_importance

LABEL = None  # nothing says which rows are anomalies
# % include train ~ "shared/settings.py"
EXPECTED_SHARE = 0.05  # of anomalies among all rows
NEAR = 3  # a version becomes champion if it flags at least a third, and at most three times, of that
# % include train ~ "shared/algorithm.py"
def select_rows(gold: DataFrame) -> DataFrame:
    """Key and time of all rows."""
    return with_time(gold)


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: a number for each row.
RETURNS = {"output_schema": Schema([ColSpec(DataType.double)])}


def fit(train: pd.DataFrame) -> BaseEstimator:
    """A new model, fitted to the rows to learn from."""
    return new_model(train).fit(train)


def refit(model: BaseEstimator, data: TrainingData) -> BaseEstimator:
    """The model fitted once more, on all rows, to score; with the one that is judged, for comparisons."""
    whole = clone(model).fit(pd.concat([data.train, data.holdout]))
    whole.judged_ = model
    return whole


def predict(model: BaseEstimator, rows: pd.DataFrame) -> pd.DataFrame:
    """Columns `score` and `prediction`, -1 where the score is below 0, else 1."""
    score = model.decision_function(rows[list(model.feature_names_in_)])
    return pd.DataFrame({"score": score, "prediction": np.where(score < 0, -1, 1)}, index=rows.index)


def evaluate(predicted: pd.DataFrame) -> dict[str, float]:
    """Share of rows flagged, and how far the mean scores of normal and flagged rows lie apart."""
    score, flagged = predicted["score"], predicted["prediction"] == -1
    apart = 0 < flagged.sum() < len(flagged)
    return {
        "share_flagged": float(flagged.mean()),
        "score_mean": float(score.mean()),
        "score_spread": float(score[~flagged].mean() - score[flagged].mean()) if apart else 0.0,
    }


def plot(predicted: pd.DataFrame) -> Figure:
    """How the scores of the holdout are spread and, where rows have a time, the share flagged over time."""
    is_timed = predicted.index.name == "observed_at"
    figure = Figure(figsize=(10 if is_timed else 6, 4), layout="constrained")
    figure.suptitle(f"holdout of {len(predicted)} rows")
    left, *others = figure.subplots(1, 1 + is_timed, squeeze=False)[0]
    left.hist(predicted["score"], bins=50)
    left.axvline(0, color="black", linestyle="--")
    left.set(xlabel="score, below 0 is flagged", ylabel="rows")
    if not is_timed:
        return figure
    right = others[0]
    flagged = (predicted["prediction"] == -1).groupby(pd.cut(predicted.index, 10), observed=True).mean()
    right.plot([part.mid for part in flagged.index], flagged, marker="o")
    right.axhline(EXPECTED_SHARE, color="black", linestyle="--")
    right.set(xlabel=predicted.index.name, ylabel="share flagged; dashed: expected")
    right.tick_params(axis="x", rotation=30)
    return figure


def measure_importance(model: BaseEstimator, holdout: pd.DataFrame) -> pd.DataFrame:
    """How little the scores agree with the usual ones once a feature, a column here, is shuffled."""
    rows = holdout.sample(min(len(holdout), 2000), random_state=42)
    usual = predict(model, rows)["score"]

    def agreement(model: BaseEstimator, shuffled: pd.DataFrame, _: None) -> float:
        return np.corrcoef(usual.rank(), predict(model, shuffled)["score"].rank())[0, 1]

    found = permutation_importance(model, rows, None, scoring=agreement, n_repeats=3, random_state=42)
    return pd.DataFrame(found.importances.T, columns=list(model.feature_names_in_))


def plot_importance(importance: pd.DataFrame) -> Figure:
    """The features that matter most, each with the spread over the repeats."""
    return bars(importance, "1 - rank correlation with the scores before shuffling")


def settings_of(model: BaseEstimator) -> dict[str, object]:
    """What a run shows as parameters of its model."""
    last = model[-1] if isinstance(model, Pipeline) else model
    return last.get_params(deep=False)


def scoring_tags(model: BaseEstimator) -> dict[str, str]:
    """What scoring needs to know of a version."""
    return {"model_type": MODEL_TYPE}


def summary(model: BaseEstimator) -> str:
    """What the predictions of a version are."""
    return f"Rows of `{DOMAIN}` with a score below 0 are anomalies"


def check_settings() -> None:
    """Refuses what cannot be meant among the constants above."""
    for name, share in {"HOLDOUT_SHARE": HOLDOUT_SHARE, "EXPECTED_SHARE": EXPECTED_SHARE}.items():
        if not 0 < share < 1:
            raise ValueError(f"{name} is {share!r}; write a share between 0 and 1, as 0.2")


# COMMAND ----------


# DBTITLE 1,Promotion
# Nothing says which rows are anomalies. So a version becomes champion if it flags about as many rows of
# the holdout as expected; with approval manual it becomes challenger, and waits.
def judge(registered_model: str, data: TrainingData, model: BaseEstimator, aliases: dict) -> tuple[str, str]:
    """The alias that a version deserves, and why; logs how far it agrees with the champion."""
    predicted, champion = predict(model, data.holdout), aliases.get("champion")
    flagged = predicted["prediction"] == -1
    reason = f"{flagged.mean():.2%} of the holdout flagged, {EXPECTED_SHARE:.2%} expected"
    if champion:
        try:
            theirs = predict(load_judged(registered_model, champion), data.holdout)
            by_champion = theirs["prediction"] == -1
            overlap = (flagged & by_champion).sum() / max((flagged | by_champion).sum(), 1)
            correlation = np.corrcoef(predicted["score"].rank(), theirs["score"].rank())[0, 1]
            mlflow.log_metrics({"champion_rank_correlation": correlation, "champion_overlap": overlap})
            reason += f"; champion {champion} flags {by_champion.mean():.2%}"
            reason += f", and {overlap:.0%} of the rows that either flags are the same"
        except Exception as error:
            if is_no_answer(error):
                raise
            reason += f"; champion {champion} cannot score these rows: {error}"
    if not EXPECTED_SHARE / NEAR <= flagged.mean() <= EXPECTED_SHARE * NEAR:
        return "challenger", f"{reason}, which is too far from it"
    if dbutils.widgets.get("approval") == "manual":
        return "challenger", f"{reason}; it waits for approval"
    return "champion", reason
# % include train ~ "shared/run.py"
