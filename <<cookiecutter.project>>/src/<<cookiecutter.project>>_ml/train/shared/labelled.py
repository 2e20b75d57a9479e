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


def left_to_win(value: float) -> float:
    """How far a value of COMPARED_BY is from the best: from 0, or from 1 where larger is better."""
    return abs(value if LOWER_IS_BETTER else 1 - value)


def goodness_of(model: BaseEstimator, features: pd.DataFrame, truth: pd.Series) -> float:
    """`goodness`, as scikit-learn asks for it."""
    return goodness(truth, predict(model, features))


def measure_importance(model: BaseEstimator, holdout: pd.DataFrame) -> pd.DataFrame:
    """How much worse the predictions get once a feature, a column here, is shuffled among the rows."""
    chance, drawn = np.random.default_rng(42), []
    for group in groups_to_draw_from(holdout[LABEL]):  # 2,000 rows, with some of a rare class too
        drawn.append(chance.permutation(group)[: max(10, round(2000 * len(group) / len(holdout)))])
    rows = holdout.iloc[np.sort(np.concatenate(drawn))]
    features, truth = rows[list(model.feature_names_in_)], rows[LABEL]
    found = permutation_importance(model, features, truth, scoring=goodness_of, n_repeats=3, random_state=42)
    return pd.DataFrame(found.importances.T, columns=features.columns)


def plot_importance(importance: pd.DataFrame) -> Figure:
    """The features that matter most, each with the spread over the repeats."""
    return bars(importance, f"{COMPARED_BY} lost by shuffling the feature in the holdout")


def remarks_on(importance: pd.DataFrame, data: TrainingData, predicted: pd.<< kind >>) -> list[str]:
    """A sentence where one feature carries nearly all of the gain, or hardly an error is left."""
    losses, truth = importance.mean().clip(lower=0).sort_values(), data.holdout[LABEL]
    constant = best_constant(truth)
    gain = goodness(truth, predicted) - goodness(truth, constant)
    left, most = (left_to_win(evaluate_one(truth, found)) for found in (predicted, constant))
    is_one = len(losses) > 1 and losses.iloc[:-1].sum() < 0.05 * losses.iloc[-1]
    if is_one and 0.1 * most < gain < 2 * losses.iloc[-1]:  # not by luck, and more than a little is carried
        found = f"feature {losses.index[-1]} carries nearly all of the gain"
        return [f"{found}: add it to NOT_FEATURES if it is known only with the label"]
    if gain > 0 and left < 0.001 * most:
        return ["this is too good: look for features known only with the label, as a date that came with it"]
    return []


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


NOTHING = {"baseline": "the baseline", "constant": "the best constant of the holdout"}


def fault_of(gains: dict[str, np.ndarray]) -> str:
    """What is to be said of a champion by its gains over what knows no feature; or nothing."""
    if worthless := [NOTHING[name] for name, found in gains.items() if found[0] <= 0]:
        return f"is no better than {worthless[0]} any more"
    doubts = [f"{doubt(found)} than {NOTHING[name]}" for name, found in gains.items() if doubt(found)]
    return doubts[0] if doubts else ""


def note_worth(registered_model: str, version: str, worth: str) -> None:
    """Writes to a version what it is worth today, for the registry and the status of scoring."""
    worth = f"{worth} ({datetime.now():%Y-%m-%d})"
    mlflow.MlflowClient().set_model_version_tag(registered_model, version, "worth", worth)


def warn_of_champion(registered_model: str) -> str:
    """What is to be said of a champion that goes on scoring though it is worth nothing; or nothing."""
    if version := read_aliases(registered_model).get("champion"):
        worth = mlflow.MlflowClient().get_model_version(registered_model, version).tags.get("worth", "")
        if worth and not worth.startswith("is better than the baseline:"):
            return f"champion {version}, which goes on scoring, {worth}"
    return ""


def holdout_rule(registered_model: str, version: str) -> str | None:
    """What held for the rows that a version did not learn from; None if its run does not tell."""
    run_id = mlflow.MlflowClient().get_model_version(registered_model, version).run_id
    try:
        return mlflow.get_run(run_id).data.params.get("holdout")
    except MlflowException as error:
        if not is_gone(error):
            raise
        return None


def unknown_to(registered_model: str, version: str, data: TrainingData) -> np.ndarray:
    """Which rows of the holdout a version has not learnt from; not all, if HOLDOUT_SHARE was another."""
    index, rule = data.holdout.index.get_level_values(0), holdout_rule(registered_model, version)
    if rule in (None, data.rules["holdout"]):
        return np.full(len(index), True)
    if rule.startswith("observed_at") != (index.name == "observed_at"):
        return np.full(len(index), False)  # the table had a time, or has one now
    if rule.startswith("observed_at"):
        return index >= pd.Timestamp(rule.split("'")[1])
    return index.isin(data.gold.df.where(rule).select(KEY).toPandas()[KEY])


def compare(
    registered_model: str, alias: str, version: str, data: TrainingData, found: dict, drawn: dict
) -> tuple[str, str, bool]:
    """The comparison with a version, what else is to be said of it, and whether the new one wins.

    `found` has the predictions of the new version, of the baseline and of the constant, `drawn` their values.
    """
    name, rows, said = f"{alias} {version}", unknown_to(registered_model, version, data), ""
    truth, sign = data.holdout[LABEL][rows], -1 if LOWER_IS_BETTER else 1
    if not rows.all():
        said = f"; {name} has learnt from {sum(~rows)} of {len(rows)} rows of this holdout"
        if len(truth) < 10 or truth.nunique() < 2:
            return "", f"{said}, so it is not compared", True
        found = {each: predicted[rows] for each, predicted in found.items()}
        found["constant"] = best_constant(truth)
        drawn = {each: draw_values(truth, predicted) for each, predicted in found.items()}
    try:
        predicted = predict(load_judged(registered_model, version), data.holdout[rows])
        theirs = draw_values(truth, predicted)
    except Exception as error:
        if is_no_answer(error):
            raise
        note_worth(registered_model, version, "cannot predict the rows of the holdout")
        return "", f"{said}; not compared with {name}, which cannot predict these rows: {error}", True
    gains = {each: sign * (theirs - drawn[each]) for each in NOTHING}
    fault, is_better = fault_of(gains), "is better than the baseline"
    worth = << '"; ".join([fault or is_better, *far_off(data.holdout[rows], predicted)])' if model.type == "classification" else "fault or is_better" >>
    note_worth(registered_model, version, f"{worth}: {COMPARED_BY} {theirs[0]:.6g}")
    said += f"; {name} {worth}" if worth != is_better else ""
    gain, needed = sign * (drawn["new"] - theirs), left_to_win(theirs[0])
    needed *= float(dbutils.widgets.get("promotion_margin"))
    sentence = f"{log_comparison(alias, evaluate(truth, predicted), gain)}, version {version}"
    if gain[0] > needed or min(found[0] for found in gains.values()) <= 0:
        return sentence, said, True
    return sentence, f"{said}; promotion_margin asks for a gain of more than {needed:.3g} over {name}", False


def judge(registered_model: str, data: TrainingData, model: BaseEstimator, aliases: dict) -> tuple[str, str]:
    """The alias that a version deserves, or none, and why; logs what it was compared with."""
    truth, sign = data.holdout[LABEL], -1 if LOWER_IS_BETTER else 1
    found = {"new": predict(model, data.holdout), "baseline": predict_baseline(data)}
    found["constant"] = best_constant(truth)
    log_segments(truth, found["new"])
    drawn = {name: draw_values(truth, predicted) for name, predicted in found.items()}
    for end, value in zip(("low", "high"), interval(drawn["new"]), strict=True):
        mlflow.log_metric(f"{COMPARED_BY}_{end}", value)
    gains = {name: sign * (drawn["new"] - drawn[name]) for name in NOTHING}
    said = {name: log_comparison(name, evaluate(truth, found[name]), gains[name]) for name in NOTHING}
    reason, doubts = said["baseline"], << "too_few(truth) or " if model.type == "classification" >>doubt(gains["baseline"])
    if doubts:
        reason += f": it {doubts} than {NOTHING['baseline']}"
    elif doubts := doubt(gains["constant"]):
        reason += f"; {said['constant']}: it {doubts} than {NOTHING['constant']}"
    is_manual, is_best = dbutils.widgets.get("approval") == "manual", not doubts
    for alias in ["champion", "challenger"] if is_manual else ["champion"]:
        if version := aliases.get(alias):
            sentence, more, wins = compare(registered_model, alias, version, data, found, drawn)
            reason, is_best = "; ".join(filter(None, [sentence, reason])) + more, is_best and wins
    reason = f"{COMPARED_BY} {drawn['new'][0]:.6g}, {reason}<< "{beside_last(truth, data, drawn['new'])}" if with_last >>"
    if not is_best:
        return "" if is_manual or doubts else "challenger", reason
    return ("challenger", f"{reason}; it waits for approval") if is_manual else ("champion", reason)


# % include train ~ "shared/run.py"
