# % set kind = "Series" if model.type == "regression" else "DataFrame"
import inspect

from sklearn.inspection import permutation_importance


def check_metrics() -> None:
    """Refuses METRICS, COMPARED_BY and HOLDOUT_SHARE where they cannot be meant."""
    for name, metric in METRICS.items():
        if not callable(metric):
            problem = f"METRICS has {metric!r} as {name}, which is no function"
            raise ValueError(f"{problem}; write a function of the label and what is predicted")
        if WEIGHT and not {"sample_weight", "weights"} & set(inspect.signature(metric).parameters):
            problem = f"METRICS has {name}, which takes no weights, and WEIGHT is {WEIGHT}"
            raise ValueError(f"{problem}; write lambda truth, found, **weights: ..., and give it the weights")
    if COMPARED_BY not in METRICS:
        raise ValueError(f"COMPARED_BY is {COMPARED_BY!r}; write one of METRICS: {', '.join(METRICS)}")
    if not 0 < HOLDOUT_SHARE < 1:
        raise ValueError(f"HOLDOUT_SHARE is {HOLDOUT_SHARE!r}; write a share between 0 and 1, as 0.2")


def evaluate(truth: pd.Series, predicted: pd.<< kind >>) -> dict[str, float]:
    """Each of METRICS."""
    return {name: float(metric(truth, predicted, **weights_of(truth))) for name, metric in METRICS.items()}


def evaluate_one(truth: pd.Series, predicted: pd.<< kind >>) -> float:
    """COMPARED_BY."""
    return METRICS[COMPARED_BY](truth, predicted, **weights_of(truth))


def goodness(truth: pd.Series, predicted: pd.<< kind >>) -> float:
    """COMPARED_BY, with the sign that makes larger better."""
    value = evaluate_one(truth, predicted)
    return -value if LOWER_IS_BETTER else value


def without_index(rows: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """The rows without their times, which take long to draw; weights stay."""
    return rows.set_axis(rows.index.get_level_values("_weight") if WEIGHT else range(len(rows)))


def won_by(data: TrainingData, predicted: pd.<< kind >>) -> float:
    """By how much the predictions of the holdout are better than the best constant."""
    truth = data.holdout[LABEL]
    return goodness(truth, predicted) - goodness(truth, best_constant(truth))


def goodness_of(model: BaseEstimator, features: pd.DataFrame, truth: pd.Series) -> float:
    """The same, as scikit-learn asks for it."""
    return goodness(truth, predict(model, features))


def measure_importance(model: BaseEstimator, holdout: pd.DataFrame) -> pd.DataFrame:
    """How much worse the predictions get once a feature, a column here, is shuffled among the rows."""
    rows = holdout.sample(min(len(holdout), 2000), random_state=42)
    features, truth = rows[list(model.feature_names_in_)], rows[LABEL]
    found = permutation_importance(model, features, truth, scoring=goodness_of, n_repeats=3, random_state=42)
    return pd.DataFrame(found.importances.T, columns=features.columns)


def plot_importance(importance: pd.DataFrame) -> Figure:
    """The features that matter most, each with the spread over the repeats."""
    return bars(importance, f"{COMPARED_BY} lost by shuffling the feature in the holdout")


def remarks_on(importance: pd.DataFrame, gain: float) -> list[str]:
    """A sentence where one feature carries nearly all of the gain, as one known only with the label does."""
    losses = importance.mean().clip(lower=0).sort_values()
    if len(losses) < 2 or losses.iloc[:-1].sum() >= 0.05 * losses.iloc[-1]:
        return []
    if not 0 < gain < 2 * losses.iloc[-1]:  # nothing, or little, is carried
        return []
    found = f"feature {losses.index[-1]} carries nearly all of it"
    return [f"{found}: add it to NOT_FEATURES if it is known only with the label"]


# COMMAND ----------


# DBTITLE 1,Promotion
# A version becomes champion if it is better than the baseline and than any constant, both beyond doubt, and
# than the champion by promotion_margin, all on the same holdout. With approval manual it must also be better
# than the challenger, becomes challenger, and waits. Each training says what the champion is worth.
def draw_values(truth: pd.Series, predicted: pd.<< kind >>) -> np.ndarray:
    """COMPARED_BY on the holdout, then on 200 samples of its rows, the same whatever is predicted."""
    truth, predicted = without_index(truth), without_index(predicted)
    chance, groups = np.random.default_rng(42), groups_to_draw_from(truth)
    found = [evaluate_one(truth, predicted)]
    for _ in range(200):
        drawn = np.concatenate([chance.choice(rows, len(rows)) for rows in groups])
        found.append(evaluate_one(truth.iloc[drawn], predicted.iloc[drawn]))
    return np.array(found)


def interval(samples: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of what was found in samples; NaN where one of them gave nothing."""
    low, high = np.percentile(samples[1:], [2.5, 97.5])
    return float(low), float(high)


def log_comparison(name: str, metrics: dict[str, float], gains: np.ndarray) -> str:
    """Logs what a version is compared with, by how much it is better, and says it."""
    low, high = interval(gains)
    found = metrics | {"gain": gains[0], "gain_low": low, "gain_high": high}
    mlflow.log_metrics({f"{name}_{key}": value for key, value in found.items() if np.isfinite(value)})
    said = "no interval can be had" if np.isnan(low) else f"95 % interval {low + 0:.3g} to {high + 0:.3g}"
    return f"{name} {metrics[COMPARED_BY]:.6g}, a gain of {gains[0] + 0:.3g} ({said})"


def doubt(gains: np.ndarray) -> str:
    """What is to be said of gains that are not above 0 beyond doubt."""
    low, high = interval(gains)
    if np.isnan(low):
        return "cannot be said to be better"
    return "" if low > 0 else "is worse" if high < 0 else "may be no better"


def fault_of(gains: list[np.ndarray]) -> str:
    """What is to be said of a champion by its gains over the baseline and the best constant; or nothing."""
    if min(found[0] for found in gains) <= 0:
        return "is no better than the baseline any more"
    doubts = [doubt(found) for found in gains if doubt(found)]
    return f"{doubts[0]} than the baseline" if doubts else ""


def note_worth(registered_model: str, version: str, worth: str) -> None:
    """Writes to a version that scores what it is worth today, for the registry and the status of scoring."""
    worth = f"{worth} ({datetime.now():%Y-%m-%d})"
    mlflow.MlflowClient().set_model_version_tag(registered_model, version, "worth", worth)


def warn_of_champion(registered_model: str) -> str:
    """What is to be said of a champion that goes on scoring though it is worth nothing; or nothing."""
    if version := read_aliases(registered_model).get("champion"):
        worth = mlflow.MlflowClient().get_model_version(registered_model, version).tags.get("worth", "")
        if worth and not worth.startswith("is better"):
            return f"champion {version}, which goes on scoring, {worth}"
    return ""


def judge(registered_model: str, data: TrainingData, model: BaseEstimator, aliases: dict) -> tuple[str, str]:
    """The alias that a version deserves, or none, and why; logs what it was compared with."""
    truth, sign = data.holdout[LABEL], -1 if LOWER_IS_BETTER else 1
    predicted, baseline = predict(model, data.holdout), predict_baseline(data)
    log_segments(truth, predicted)
    ours = draw_values(truth, predicted)
    for end, value in zip(("low", "high"), interval(ours), strict=True):
        mlflow.log_metric(f"{COMPARED_BY}_{end}", value)
    others = {"baseline": baseline, "constant": best_constant(truth)}
    nothing = {name: draw_values(truth, predicted) for name, predicted in others.items()}
    gains = {name: sign * (ours - theirs) for name, theirs in nothing.items()}
    said = {name: log_comparison(name, evaluate(truth, others[name]), gains[name]) for name in others}
    value = f"{COMPARED_BY} {ours[0]:.6g}"
    reason, doubts = f"{value}, {said['baseline']}", doubt(gains["baseline"])
    if doubts:
        reason += f": it {doubts} than knowing nothing"
    elif doubts := doubt(gains["constant"]):
        reason += f"; {said['constant']}: it {doubts} than the best constant of the holdout"
# % if with_last
    by_last = sign * (ours - draw_values(truth, last := last_or_mean(data)))
    sentence = log_comparison("last", evaluate(truth, last), by_last)
    if by_last[0] < 0:
        reason += f"; the key's last value alone is better, {sentence}"
# % endif
    is_manual, margin = dbutils.widgets.get("approval") == "manual", dbutils.widgets.get("promotion_margin")
    is_best = not doubts
    for alias in ["champion", "challenger"] if is_manual else ["champion"]:
        if version := aliases.get(alias):
            try:
                predicted = predict(load_judged(registered_model, version), data.holdout)
            except Exception as error:
                reason += f"; not compared with {alias} {version}, which cannot predict these rows: {error}"
                note_worth(registered_model, version, "cannot predict the rows of the holdout")
                continue
            theirs = draw_values(truth, predicted)
            sentence = log_comparison(alias, evaluate(truth, predicted), sign * (ours - theirs))
            reason = f"{value}, {sentence}, version {version}; {reason}"
            if fault := fault_of([sign * (theirs - samples) for samples in nothing.values()]):
                reason += f"; {alias} {version} {fault}"
            worth = f"{fault or 'is better than the baseline'}: {COMPARED_BY} {theirs[0]:.6g}"
            note_worth(registered_model, version, worth)
            needed = float(margin) * abs(theirs[0] if LOWER_IS_BETTER else 1 - theirs[0])
            if not fault and not sign * (ours[0] - theirs[0]) > needed:
                reason += f"; more than {needed:.3g} is asked for"
                is_best = False
    if not is_best:
        return "" if is_manual or doubts else "challenger", reason
    return ("challenger", f"{reason}; it waits for approval") if is_manual else ("champion", reason)


# % include train ~ "shared/run.py"
