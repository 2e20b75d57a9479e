# Databricks notebook source
# MAGIC %md
# MAGIC # Train << model.name >>
# MAGIC
# MAGIC Learns what is normal from `<< model.domain >>_features`. A score below 0 is an anomaly, with the prediction -1.
# % include train ~ "shared/setup.py"
from sklearn.inspection import permutation_importance

LABEL = None  # nothing says which rows are anomalies
EXPECTED_SHARE = 0.05  # of anomalies among all rows
NEAR = 3  # a version becomes champion if it flags at least a third, and at most three times, of that
# % include train ~ "shared/settings.py"
# % include train ~ "shared/rows_in_pandas.py"
def select_rows(gold: DataFrame) -> DataFrame:
    """Key and time of all rows."""
    return with_time(gold)


# COMMAND ----------


# DBTITLE 1,Training; after a failure, call these one by one from a new cell
# What the registered model returns: a number for each row.
RETURNS = {"output_schema": Schema([ColSpec(DataType.double)])}


def fit(train: pd.DataFrame) -> Pipeline:
    """A new model, fitted to the rows to learn from."""
    return new_model(train).fit(train)


def predict(model: Pipeline, rows: pd.DataFrame) -> pd.DataFrame:
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
    """How the scores of the holdout are spread, and the share that is flagged over time."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle(f"holdout of {len(predicted)} rows")
    left, right = figure.subplots(1, 2)
    left.hist(predicted["score"], bins=50)
    left.axvline(0, color="black", linestyle="--")
    left.set(xlabel="score, below 0 is flagged", ylabel="rows")
    flagged = (predicted["prediction"] == -1).groupby(pd.cut(predicted.index, 10), observed=True).mean()
    right.plot([part.mid for part in flagged.index], flagged, marker="o")
    right.axhline(EXPECTED_SHARE, color="black", linestyle="--")
    right.set(xlabel=predicted.index.name, ylabel="share flagged; dashed: expected")
    right.tick_params(axis="x", rotation=30)
    return figure


def plot_importance(model: Pipeline, holdout: pd.DataFrame) -> Figure:
    """How little the scores agree with the usual ones once a feature is shuffled among the rows."""
    rows = holdout.sample(min(len(holdout), 2000), random_state=42)
    usual = predict(model, rows)["score"]

    def agreement(model: Pipeline, shuffled: pd.DataFrame, _: None) -> float:
        return np.corrcoef(usual.rank(), predict(model, shuffled)["score"].rank())[0, 1]

    found = permutation_importance(model, rows, None, scoring=agreement, n_repeats=3, random_state=42)
    loss = "1 - rank correlation with the scores before shuffling"
    shown = pd.Series(found.importances_mean, model.feature_names_in_).sort_values().tail(20)
    figure = Figure(figsize=(8, 2 + 0.25 * len(shown)), layout="constrained")
    axes = figure.subplots()
    axes.barh(shown.index, shown)
    axes.set(xlabel=loss, title=f"importance of features, by {len(rows)} rows of the holdout")
    return figure


def settings_of(model: Pipeline) -> dict[str, object]:
    """What a run shows as parameters of its model."""
    return model[-1].get_params()


def scoring_tags(model: Pipeline) -> dict[str, str]:
    """What scoring needs to know of a version."""
    return {"model_type": MODEL_TYPE}


def summary(model: Pipeline) -> str:
    """What the predictions of a version are."""
    return f"Rows of `{DOMAIN}` with a score below 0 are anomalies"


# COMMAND ----------


# DBTITLE 1,Promotion
# Nothing says which rows are anomalies. So a version becomes champion if it flags about as many rows of
# the holdout as expected; with approval manual it becomes challenger, and waits.
def judge(registered_model: str, data: TrainingData, model: Pipeline, aliases: dict) -> tuple[str, str]:
    """The alias that a version deserves, and why; logs how far it agrees with the champion."""
    predicted, champion = predict(model, data.holdout), aliases.get("champion")
    flagged = predicted["prediction"] == -1
    reason = f"{flagged.mean():.2%} of the holdout flagged, {EXPECTED_SHARE:.2%} expected"
    if champion:
        try:
            raw_model = f"models:/{registered_model}/{champion}/data/feature_store/raw_model"
            theirs = predict(mlflow.pyfunc.load_model(raw_model).get_raw_model(), data.holdout)
            by_champion = theirs["prediction"] == -1
            overlap = (flagged & by_champion).sum() / max((flagged | by_champion).sum(), 1)
            correlation = np.corrcoef(predicted["score"].rank(), theirs["score"].rank())[0, 1]
            mlflow.log_metrics({"champion_rank_correlation": correlation, "champion_overlap": overlap})
            reason += f"; {overlap:.0%} of the rows that it or champion {champion} flags are the same"
        except Exception as error:
            reason += f"; champion {champion} cannot score these rows: {error}"
    if not EXPECTED_SHARE / NEAR <= flagged.mean() <= EXPECTED_SHARE * NEAR:
        return "challenger", f"{reason}, which is too far from it"
    if dbutils.widgets.get("approval") == "manual":
        return "challenger", f"{reason}; it waits for approval"
    return "champion", reason
# % include train ~ "shared/run.py"
