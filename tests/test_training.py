"""What decides a training, and what does not: functions of the rendered notebooks on made-up rows."""

from io import BytesIO
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from baking import render
from mlflow.exceptions import MlflowException, RestException
from sklearn.linear_model import Ridge
from sklearn.metrics import recall_score, roc_auc_score
from training import CHURN, OUTLIERS, REVENUE, Training, indexed


@pytest.fixture
def chance():
    return np.random.default_rng(1)


class Column:
    """A model that predicts what stands in a column."""

    def __init__(self, name):
        self.feature_names_in_ = [name]

    def predict(self, rows):
        return rows.iloc[:, 0].to_numpy()

    def predict_proba(self, rows):
        return np.column_stack([1 - rows.iloc[:, 0], rows.iloc[:, 0]])


@pytest.fixture
def numbers(chance):
    """The label's mean moves from 0 to 20 with the holdout; the columns know more or less of it."""
    label = chance.normal(size=1000) + np.repeat([0, 20], [800, 200])
    noise = chance.normal(size=1000)
    columns = {f"off_by_{off}": label + off * noise for off in (0.1, 0.3, 0.3003, 0.9, 3)}
    return indexed({**columns, "wrong": -label, "a_bit": 20 + 0.5 * noise}, label, "revenue")


NO_BETTER = "champion 1 is no better than {} any more"
DECISIONS = {
    "better than any constant": ("off_by_0.3", None, "champion", "baseline 20."),
    "worse than the mean": ("wrong", None, "", "it is worse than the baseline"),
    "worse than the holdout's mean": ("off_by_3", None, "", "it is worse than the best constant of the h"),
    "as good as the holdout's mean": ("a_bit", None, "", "than the best constant of the holdout"),
    "better than the champion": ("off_by_0.3", "off_by_0.9", "champion", "champion 0.8"),
    "better by luck": ("off_by_0.3", "off_by_0.3003", "challenger", "promotion_margin asks for"),
    "worse than a champion that is worth something": ("wrong", "off_by_0.3", "", "champion 0.287"),
    "worse than a champion that is worth nothing": ("wrong", "wrong", "", NO_BETTER.format("the baseline")),
    "better than a champion that is worth nothing": (
        "off_by_0.3",
        "wrong",
        "champion",
        NO_BETTER.format("the baseline"),
    ),
    "better than a champion that a constant beats": (
        *("off_by_0.3", "off_by_3", "champion"),
        NO_BETTER.format("the best constant of the holdout"),
    ),
}


@pytest.fixture(scope="module")
def revenue():
    return Training(REVENUE)


@pytest.fixture(scope="module")
def churn():
    return Training(CHURN)


@pytest.mark.parametrize("case", DECISIONS)
def test_a_version_is_champion_if_it_beats_baseline_constant_and_champion(revenue, numbers, case):
    new, champion, alias, said = DECISIONS[case]
    revenue.versions, revenue.worth = {"1": Column(champion)}, {}
    aliases = {"champion": "1"} if champion else {}
    found, reason = revenue.judged(revenue.data(numbers), Column(new), **aliases)
    assert (found, said in reason) == (alias, True), reason
    if champion:
        assert revenue.worth["1"].startswith("is better") == (champion not in ("wrong", "off_by_3"))


@pytest.mark.parametrize(("margin", "expected"), [("0.99", "challenger"), ("0", "champion")])
def test_a_version_must_be_better_by_the_margin(numbers, margin, expected):
    training = Training(REVENUE, promotion_margin=margin)
    training.versions = {"1": Column("off_by_0.9")}
    found, reason = training.judged(training.data(numbers), Column("off_by_0.3"), champion="1")
    assert (found, "champion 0.8" in reason) == (expected, True), reason


@pytest.mark.parametrize(("baseline", "alias"), [("mean", "champion"), ("last", "")])
def test_the_keys_last_value_is_compared_and_must_be_beaten_if_it_is_the_baseline(
    template, tmp_path, chance, baseline, alias
):
    answers = {"models": "visits/stay:regression:linear", "history_domains": "visits"}
    (notebook,) = render(template, tmp_path, **answers).glob("src/*/visits/train_stay.py")
    training, label = Training(notebook, {"BASELINE": baseline}), chance.normal(size=1000)
    rows = indexed({"x": label + 0.5 * chance.normal(size=1000)}, label, "stay", True)
    last = rows["stay"].iloc[-200:] + 0.1 * chance.normal(size=200)
    last.iloc[0] = np.nan  # a new key
    found, reason = training.judged(training.data(rows, last=last), Column("x"))
    said = "the key's last value alone is better, last 0.1" if alias else "it is worse than the baseline"
    assert (found, said in reason) == (alias, True), reason
    assert 0.09 < training.metrics["last_rmse"] < 0.2


def test_whether_a_key_was_positive_before_is_compared_too(template, tmp_path, chance):
    answers = {"models": "visits/back:classification:linear", "history_domains": "visits"}
    (notebook,) = render(template, tmp_path, **answers).glob("src/*/visits/train_back.py")
    training, label = Training(notebook), (chance.random(1000) < 0.3).astype(float)
    rows = indexed({"x": label + chance.normal(size=1000)}, label, "back", True)
    last = rows["back"].iloc[-200:].where(chance.random(200) < 0.9, 0)
    last.iloc[:20] = np.nan  # new keys
    data = training.data(rows, last=last)
    alias, reason = training.judged(data, training.fitted(data))
    assert alias == "champion" and "the key's last value alone is better, last 0.8" in reason, reason
    before = last.fillna(label[:800].mean())
    assert training.metrics["last_roc_auc"] == roc_auc_score(data.holdout["back"], before)
    assert training.metrics["last_recall"] == recall_score(data.holdout["back"], before >= 0.5)


def test_doubt_about_a_champion_does_not_take_its_place(revenue, chance):
    """Two outliers make its gain doubtful; a worse version has the same ones."""
    label = chance.normal(size=1000)
    rows = indexed({"champion": 0.8 * label, "new": 0.7 * label}, label, "revenue")
    rows.iloc[-2:, :2] += 9
    revenue.versions = {"1": Column("champion")}
    alias, reason = revenue.judged(revenue.data(rows), Column("new"), champion="1")
    assert "champion 1 may be no better than" in reason
    assert alias != "champion", reason


def timed_memory(chance):
    """Rows of which a champion knows all but the newest 50 by heart; another model is as good for all."""
    label = chance.normal(size=1000)
    known = np.where(np.arange(1000) < 950, label, 0.2 * label)
    return indexed({"known": known, "x": label + 0.6 * chance.normal(size=1000)}, label, "revenue", True)


RULES = {  # what held for the champion's holdout -> the alias of the new version, what is said
    "the same": (None, "challenger", "champion 1"),
    "newer": (
        "observed_at >= '{}'",
        "champion",
        "champion 1 has learnt from 150 of 200 rows of this holdout",
    ),
    "newer than all": ("observed_at >= '2030-01-01 00:00:00'", "champion", "so it is not compared"),
    "by the key": ("pmod(xxhash64(sales_id), 100) < 20", "champion", "so it is not compared"),
}


@pytest.mark.parametrize("case", RULES)
def test_versions_are_compared_on_rows_that_neither_has_learnt_from(chance, case):
    rule, alias, said = RULES[case]
    training, rows = Training(REVENUE), timed_memory(chance)
    training.versions = {"1": Column("known")}
    training.held_out = {"1": rule and rule.format(rows.index[950])}
    found, reason = training.judged(training.data(rows), Column("x"), champion="1")
    assert (found, said in reason) == (alias, True), reason


@pytest.mark.parametrize("share", [10, 20, 90])
def test_rows_that_a_champion_held_out_by_their_key_are_found(revenue, chance, share):
    """Spark says which keys hold a rule; here a remainder does."""
    rule = f"pmod(xxhash64(sales_id), 100) < {share}"
    keys = pd.DataFrame({"sales_id": np.arange(1000)[np.arange(1000) % 100 < share]})
    selected = SimpleNamespace(select=lambda key: SimpleNamespace(toPandas=lambda: keys[[key]]))
    gold = SimpleNamespace(df=SimpleNamespace(where={rule: selected}.get))
    data = revenue.data(indexed({"x": chance.random(1000)}, chance.random(1000), "revenue"))
    training = Training(REVENUE)
    training.held_out = {"1": rule}
    found = training.unknown_to("dev.ml.revenue", "1", data._replace(gold=gold))
    assert list(data.holdout.index[found]) == [key for key in range(800, 1000) if key % 100 < share]


ERRORS = {
    "its files are gone": (MlflowException("The file being accessed is not found"), True),
    "a package is gone": (ModuleNotFoundError("No module named 'lightgbm'"), True),
    "the artifact store does not answer": (ConnectionError("Max retries exceeded"), False),
    "a download broke off": (
        MlflowException("The following failures occurred while downloading one or more artifacts: timeout"),
        False,
    ),
    "the service has an error": (RestException({"error_code": "INTERNAL_ERROR", "message": "sorry"}), False),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_champion_keeps_its_place_where_a_service_gives_no_answer(revenue, numbers, case):
    error, is_lost = ERRORS[case]

    def load(*_):
        raise error

    training = Training(REVENUE)
    training.names["load_judged"] = load
    if is_lost:
        alias, reason = training.judged(training.data(numbers), Column("off_by_0.3"), champion="1")
        assert (alias, "not compared with champion 1" in reason) == ("champion", True), reason
    else:
        with pytest.raises(type(error)):
            training.judged(training.data(numbers), Column("off_by_0.3"), champion="1")


@pytest.mark.parametrize("case", ERRORS)
def test_so_does_a_champion_of_an_anomaly_model(chance, case):
    error, is_lost = ERRORS[case]

    def load(*_):
        raise error

    training = Training(OUTLIERS)
    training.names["load_judged"] = load
    scored = {"feature_names_in_": ["x"], "decision_function": lambda _, rows: rows["x"] - 0.05}
    data = training.data(indexed({"x": chance.random(1000)}, None, ""))
    if is_lost:
        alias, reason = training.judged(data, type("Scored", (), scored)(), champion="1")
        assert (alias, "champion 1 cannot score these rows" in reason) == ("champion", True), reason
    else:
        with pytest.raises(type(error)):
            training.judged(data, type("Scored", (), scored)(), champion="1")


def test_an_anomaly_model_says_how_many_rows_its_champion_flags_today(chance):
    training = Training(OUTLIERS)
    shared = {"feature_names_in_": ["x"]}
    new = type("New", (), {**shared, "decision_function": lambda _, rows: rows["x"] - 0.05})
    old = type("Old", (), {**shared, "decision_function": lambda _, rows: rows["x"] - 0.9})
    training.versions = {"1": old()}
    data = training.data(indexed({"x": np.linspace(0, 1, 1000) % 0.2 * 5}, None, ""))
    alias, reason = training.judged(data, new(), champion="1")
    assert (alias, "champion 1 flags 9" in reason) == ("champion", True), reason


def test_a_champion_that_predicts_nothing_is_replaced(revenue, numbers):
    rows = numbers.assign(nothing=np.nan)
    revenue.versions = {"1": Column("nothing")}
    alias, reason = revenue.judged(revenue.data(rows), Column("off_by_0.3"), champion="1")
    assert (alias, "not compared with champion 1" in reason) == ("champion", True), reason


NOISE = {  # by which metric -> label, column, notebook
    "mae": (lambda chance: np.exp(chance.normal(size=1000)), lambda label: np.full(1000, 1.0), REVENUE),
    "f1": (lambda chance: np.arange(1000) % 7 == 0, lambda label: np.full(1000, 0.9), CHURN),
}


@pytest.mark.parametrize("metric", NOISE)
def test_what_is_no_better_than_a_constant_never_scores_whatever_compares(chance, metric):
    make, predict, notebook = NOISE[metric]
    training = Training(notebook, {"COMPARED_BY": metric, "LOWER_IS_BETTER": metric == "mae"})
    label = make(chance)
    rows = indexed({"x": predict(label)}, label, training.LABEL)
    alias, reason = training.judged(training.data(rows), Column("x"))
    assert (alias, "than the best constant of the holdout" in reason) == ("", True), reason


@pytest.mark.parametrize("notebook", [REVENUE, CHURN], ids=lambda notebook: notebook.stem)
def test_by_manual_approval_the_best_version_waits_as_challenger(notebook, chance):
    training = Training(notebook, approval="manual")
    label = chance.integers(0, 2, 1000)
    rows = indexed({"x": np.clip(label, 0.1, 0.9)}, label, training.LABEL)
    alias, reason = training.judged(training.data(rows), Column("x"))
    assert (alias, reason.endswith("; it waits for approval")) == ("challenger", True), reason


def test_a_champion_that_is_worth_nothing_scores_with_a_status_that_says_so(revenue):
    tags = {"worth": "is no better than the baseline any more: rmse 9 (2026-01-31)"}
    client = type("Client", (), {"get_model_version": lambda *_: type("Version", (), {"tags": tags})})
    names = {**revenue.names, "read_aliases": lambda model: {"champion": "3"}}
    names["mlflow"] = type("mlflow", (), {"MlflowClient": client})
    warn = type(revenue.warn_of_champion)(revenue.warn_of_champion.__code__, names)
    assert warn("dev.ml.revenue") == f"champion 3, which goes on scoring, {tags['worth']}"
    tags["worth"] = "is better than the baseline: rmse 2 (2026-01-31)"
    assert warn("dev.ml.revenue") == ""
    tags["worth"] = "is better than the baseline; its probabilities are further off: roc_auc 0.54"
    assert warn("dev.ml.revenue") == f"champion 3, which goes on scoring, {tags['worth']}"


@pytest.mark.parametrize("positives", [1, 4, 5, 8])
def test_a_rare_class_has_an_interval_and_no_champion_by_luck(churn, chance, positives):
    """By noise alone, one positive row gives a champion in four of ten trainings, five in one of fifteen."""
    label = np.zeros(1000)
    label[[*range(0, 12), *range(-positives, 0)]] = 1
    rows = indexed({"x": np.clip(label * 0.5 + chance.random(1000) * 0.4, 0, 1)}, label, "churn")
    alias, reason = churn.judged(churn.data(rows), Column("x"))
    by_luck = f"it cannot be said, by {positives} rows of one class in the holdout, to be better than the "
    assert (alias, by_luck in reason) == (("", True) if positives < 5 else ("champion", False)), reason
    assert ("nan" in reason, "interval 0." in reason) == (False, True), reason
    assert 0.5 < churn.metrics["roc_auc_low"] <= churn.metrics["roc_auc_high"] <= 1


def test_an_interval_that_cannot_be_had_is_said(chance):
    metrics = {"odd": lambda truth, found: float("nan") if truth.iloc[0] > truth.iloc[-1] else 1.0}
    training = Training(REVENUE, {"METRICS": metrics, "COMPARED_BY": "odd"})
    rows = indexed({"x": chance.random(100)}, chance.random(100), "revenue")
    alias, reason = training.judged(training.data(rows), Column("x"))
    assert (alias, "no interval can be had" in reason) == ("", True), reason


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(("count", "positives"), [(63, 20), (70, 4), (150, 40)])
def test_a_small_table_trains_whatever_its_classes(churn, chance, count, positives, timed):
    label = np.zeros(count)
    label[np.linspace(0, count - 1, positives).round().astype(int)] = 1
    rows = indexed(
        {"x": label + chance.normal(size=count), "t": chance.choice(["a", "b"], count)}, label, "churn"
    )
    rows = rows.set_index(pd.date_range("2025", periods=count, name="observed_at")) if timed else rows
    data = churn.data(rows)
    model = churn.fitted(data)
    assert 0 <= float(churn.scoring_tags(model)["threshold"]) <= 1
    churn.judged(data, model)
    assert churn.refit(model, data).predict_proba(data.holdout[["x", "t"]]).shape == (len(data.holdout), 2)


def test_a_threshold_may_be_a_number(chance):
    training = Training(CHURN, {"THRESHOLD_BY": 0.3})
    label = chance.integers(0, 2, 300)
    data = training.data(indexed({"x": label + chance.normal(size=300)}, label, "churn"))
    model = training.fitted(data)
    whole = training.refit(model, data)
    assert [training.threshold_of(each) for each in (model, whole)] == [0.3, 0.3]
    assert training.settings_of(model)["threshold"] == 0.3


def test_the_model_that_scores_has_learnt_from_all_rows_and_keeps_the_one_that_was_judged(revenue, chance):
    """The holdout alone shows what a text means, so only the one that scores can know."""
    text = np.repeat(["old", "new"], [800, 200])
    data = revenue.data(indexed({"t": text}, np.where(text == "new", 9, 1) + chance.random(1000), "revenue"))
    model = revenue.fitted(data)
    whole = revenue.refit(model, data)
    assert whole.judged_ is model
    assert whole.predict(data.holdout[["t"]]).mean() > 5 > 3 > model.predict(data.holdout[["t"]]).mean()
    revenue.versions = {"1": whole, "2": model}  # the latter as an earlier release left it
    with revenue.logging():
        assert [revenue.load_judged("dev.ml.revenue", version) for version in "12"] == [model, model]


def skewed(chance, least=0.0):
    effects = chance.normal(size=(1000, 3))
    label = np.exp(effects.sum(axis=1) + 0.2 * chance.normal(size=1000)) + least
    return indexed(dict(zip("abc", effects.T, strict=True)), label, "revenue")


@pytest.mark.parametrize(("least", "is_log"), [(0, True), (-5, False)], ids=["never negative", "negative"])
def test_the_log_of_a_skewed_label_is_tried_if_it_is_nowhere_negative(chance, least, is_log):
    settings = {"new_model": lambda features: Ridge(), "SEARCH": {}}
    training = Training(REVENUE, settings)
    data = training.data(skewed(chance, least))
    model = training.fitted(data)
    assert training.settings_of(model)["log_of_label"] == is_log
    assert set(training.artifacts["search.json"]["log_of_label"]) == ({True, False} if is_log else {False})
    data.holdout.iloc[0, -1] -= 6  # as a first refund
    whole = training.refit(model, data)
    assert list(whole.feature_names_in_) == ["a", "b", "c"]
    assert np.isfinite(whole.predict(data.holdout[["a", "b", "c"]] * 1e6)).all()


def test_money_in_millions_has_a_log_too(revenue, chance):
    label = pd.Series(np.exp(chance.normal(size=1000)))
    logs, backs = [], []
    for unit in (1e6, 1e-6):
        settings = revenue.settings_to_try(label * unit)[-1]
        logs.append(settings["func"][0](label * unit))
        backs.append(settings["inverse_func"][0](logs[-1]) / unit)
    assert [np.corrcoef(log, np.log(label))[0, 1] > 0.9 for log in logs] == [True, True]
    assert np.allclose(backs, label)


def test_a_feature_that_carries_nearly_all_is_named(chance):
    training = Training(CHURN)
    label = chance.integers(0, 2, 500)
    rows = indexed({"action": label, "x": chance.random(500), "y": chance.random(500)}, label, "churn")
    for names, suspect in ((["action", "x", "churn"], "action"), (["x", "y", "churn"], "")):
        data = training.data(rows[names])
        model = training.fitted(data)
        importance, predicted = (
            training.measure_importance(model, data.holdout),
            training.predict(model, data.holdout),
        )
        (*remarks,) = training.remarks_on(importance, data, predicted)
        assert [f"feature {suspect} carries nearly all" in one for one in remarks] == [True] * bool(suspect)


@pytest.mark.parametrize("off", [0.8, 0.5, 2], ids=["all", "little", "nothing"])
def test_a_feature_that_carries_little_is_not_named(revenue, chance, off):
    """It is worth 0.3 of a label that is spread by 1: all of a gain of 0.2, little of one of 0.5."""
    importance = pd.DataFrame({"x": [0.15, 0.2, 0.25], "y": [0.0, -0.1, 0.1]})
    label = chance.normal(size=5000)
    data = revenue.data(indexed({"x": label}, label, "revenue"))
    predicted = data.holdout["revenue"] + off * chance.normal(size=1000)
    assert len(revenue.remarks_on(importance, data, predicted)) == (off == 0.8)


@pytest.mark.parametrize("error", [0, 0.1], ids=["nothing is left", "something is left"])
def test_what_is_too_good_is_said_also_where_several_features_carry_it(revenue, chance, error):
    """A date that came with the label becomes a month, a weekday and a day, and each alone says all."""
    importance, label = pd.DataFrame({"x_month": [0.0], "x_days": [0.0]}), chance.normal(size=500)
    data = revenue.data(indexed({"x": label}, label, "revenue"))
    found = revenue.remarks_on(importance, data, data.holdout["revenue"] + error)
    assert ["too good" in one for one in found] == [True] * (not error)


def test_probabilities_that_are_worse_than_the_share_are_named(churn, chance):
    label = chance.random(1000) < 0.1
    rows = indexed({"x": np.where(label, 0.1, 0.05), "sure": np.where(label, 1e-6, 1e-9)}, label, "churn")
    data = churn.data(rows)
    said = [churn.far_off(data.holdout, churn.predict(Column(name), data.holdout)) for name in ("x", "sure")]
    assert [len(remarks) for remarks in said] == [0, 1]
    assert "further off than the positive share: log loss 1" in said[1][0]
    churn.versions = {"1": Column("sure")}
    _, reason = churn.judged(data, Column("x"), champion="1")
    assert "champion 1 is better than the baseline; its probabilities are further off" in reason
    assert churn.worth["1"].startswith("is better than the baseline; its probabilities")


WRONG = {
    "METRICS has 0.9 as rmse, which is no function": (REVENUE, {"METRICS": {"rmse": 0.9}}),
    "METRICS has 'f1' as f1, which is no function": (CHURN, {"METRICS": {"f1": "f1"}}),
    "COMPARED_BY is 'mape'; write one of METRICS: rmse, mae,": (REVENUE, {"COMPARED_BY": "mape"}),
    "HOLDOUT_SHARE is 20; write a share": (CHURN, {"HOLDOUT_SHARE": 20}),
    "BASELINE is 'last'; write one of mean, median": (REVENUE, {"BASELINE": "last"}),
    "THRESHOLD_BY is 30; write a scorer": (CHURN, {"THRESHOLD_BY": 30}),
    "EXPECTED_SHARE is 5; write a share": (OUTLIERS, {"EXPECTED_SHARE": 5}),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_a_constant_that_cannot_be_meant_is_named(sentence):
    notebook, constants = WRONG[sentence]
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Training(notebook, constants).check_settings()


# Pictures


KEYS = {
    "key": pd.RangeIndex(200, name="ops_id"),
    "text": pd.Index([f"k{n}" for n in range(200)], name="ops_id"),
    "date": pd.Index(pd.date_range("2025", periods=200).date, name="ops_id"),
    "observed_at": pd.date_range("2025", periods=200, name="observed_at"),
}


@pytest.fixture(scope="module", params=[REVENUE, CHURN, OUTLIERS], ids=lambda notebook: notebook.stem)
def learnt(request):
    """A training of features whose names are odd, the rows held out, and its model."""
    training, chance = Training(request.param), np.random.default_rng(1)
    features = {"cost_$_per_$": chance.random(200), r"a\b_{^": chance.random(200), "x$": chance.random(200)}
    label = {REVENUE: np.exp(9 * chance.random(200)), CHURN: np.arange(200) % 2}.get(request.param)
    data = training.data(indexed(features, label, training.LABEL))
    return training, data.holdout, training.fitted(data)


@pytest.mark.parametrize("index", KEYS)
def test_every_picture_is_drawn_whatever_names_keys_and_settings(learnt, index, capsys):
    training, holdout, model = learnt
    holdout = holdout.set_index(KEYS[index][-len(holdout) :])
    importance = training.measure_importance(model, holdout)
    predicted = training.predict(model, holdout)
    given = [predicted] if training.LABEL is None else [holdout[training.LABEL], predicted]
    training.artifacts.clear()
    with training.logging(), matplotlib.rc_context({"text.usetex": True}):
        training.log_picture("holdout.png", training.plot, *given)
        training.log_picture("importance.png", training.plot_importance, importance)
    assert {"holdout.png", "importance.png"} == set(training.artifacts), capsys.readouterr().out
    if training.LABEL is None:
        assert len(training.artifacts["holdout.png"].axes) == (2 if index == "observed_at" else 1)
    shown = [text.get_text() for text in training.artifacts["importance.png"].axes[0].get_yticklabels()]
    assert set(shown) == set(model.feature_names_in_)


def test_importance_can_be_had_of_a_class_so_rare_that_a_sample_may_have_none_of_it():
    training = Training(CHURN, {"COMPARED_BY": "log_loss", "LOWER_IS_BETTER": True})
    chance = np.random.default_rng(5)
    rows = indexed({"seen": chance.random(9000)}, np.arange(9000) % 3000 == 0, training.LABEL)
    model = training.fitted(training.data(rows))
    importance = training.measure_importance(model, rows.iloc[:6000])
    assert importance.notna().all(axis=None)


LABELS = {  # a label -> the scale of its axes
    "counts, most of them 0": (lambda chance: chance.poisson(0.3, 500), "linear"),
    "counts, large and rare": (
        lambda chance: chance.geometric(0.2, 500) ** 2 * (np.arange(500) % 3 < 1),
        "asinh",
    ),
    "money over decades": (lambda chance: np.exp(14 + chance.normal(size=500)), "asinh"),
    "skewed, but narrow": (lambda chance: 200 + chance.exponential(50, 500), "linear"),
    "all 0": (lambda chance: np.zeros(500), "linear"),
}


@pytest.mark.parametrize("case", LABELS)
def test_the_axes_of_a_skewed_label_are_readable(revenue, chance, case):
    make, scale = LABELS[case]
    truth = pd.Series(make(chance).astype(float), name="revenue")
    figure = revenue.plot(truth, 0.9 * truth + chance.normal(size=500) * truth.std() / 100)
    figure.savefig(BytesIO())
    left, right = figure.axes
    assert {left.get_xscale(), left.get_yscale(), right.get_xscale()} == {scale}
    for axes in (left, right):
        low, high = axes.get_xlim()
        places = zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
        boxes = [text.get_window_extent() for text, place in places if low <= place <= high]
        assert len(boxes) >= 3
        assert all(one.x1 < other.x0 for one, other in zip(boxes[:-1], boxes[1:], strict=True))
    tenth = np.sort(np.abs(left.get_xticks()[left.get_xticks() != 0]))[0]
    assert tenth > truth.max() / 1e5, "empty decades between 0 and the other values"


def test_a_picture_that_cannot_be_drawn_is_a_line_and_nothing_else(revenue, capsys):
    def draw():
        raise KeyError("no such column")

    with revenue.logging():
        revenue.log_picture("holdout.png", draw)
    assert capsys.readouterr().out == "No picture holdout.png: KeyError('no such column')\n"


def test_features_that_are_texts_alone_are_collected(revenue):
    """Spark asserts that there is something to convert."""

    class Frame:
        columns, dtypes = ["sales_id", "t", "revenue", "_held_out"], [("t", "string"), ("revenue", "double")]

        def withColumns(self, converted):
            assert converted

        def toPandas(self):
            return pd.DataFrame([[1, "a", 2.0, False]], columns=self.columns)

    assert list(revenue.collect(Frame()).columns) == ["t", "revenue", "_held_out"]
