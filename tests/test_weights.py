"""WEIGHT and SEGMENT in trainings, texts of many values, and the trees: on made-up rows, without Spark."""

import numpy as np
import pandas as pd
import pytest
from baking import render
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from training import CHURN, REVENUE, Training, indexed

MODELS = {
    "pipeline": lambda model: lambda features: make_pipeline(FunctionTransformer(), model),
    "model alone": lambda model: lambda features: model,
}


@pytest.fixture
def chance():
    return np.random.default_rng(1)


def weighted(rows: pd.DataFrame, weights: np.ndarray, segments: np.ndarray) -> pd.DataFrame:
    """The rows as `collect` gives them: what WEIGHT and SEGMENT ask for stands in the index."""
    names = [rows.index.name, "_weight", "_segment"]
    return rows.set_axis(pd.MultiIndex.from_arrays([rows.index, weights, segments], names=names))


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("notebook", [REVENUE, CHURN], ids=["regression", "classification"])
def test_a_row_of_weight_3_counts_as_three_rows(notebook, kind, chance):
    x, weights = chance.normal(size=500), chance.choice([1, 3], 500)
    label = x + (weights == 3) + chance.normal(size=500)
    if notebook == CHURN:
        label = label > 0.5
    algorithm = Ridge() if notebook == REVENUE else LogisticRegression(C=1e6)
    settings = {"new_model": MODELS[kind](algorithm), "SEARCH": {}, "THRESHOLD_BY": 0.4, "MIN_SKEW": np.inf}
    once, repeated = Training(notebook, {**settings, "WEIGHT": "w"}), Training(notebook, settings)
    rows = indexed({"x": x}, label, once.LABEL)
    data = once.data(weighted(rows, weights, np.full(500, "a")))
    same = repeated.data(rows)._replace(
        train=rows.iloc[:400].loc[lambda part: part.index.repeat(weights[:400])],
        holdout=rows.iloc[400:].loc[lambda part: part.index.repeat(weights[400:])],
    )
    of_data, of_same = once.fitted(data), repeated.fitted(same)
    assert of_data.predict(rows[["x"]]) == pytest.approx(of_same.predict(rows[["x"]]), abs=1e-4)
    found = [
        training.evaluate(part.holdout[once.LABEL], training.predict(model, part.holdout))
        for training, part, model in ((once, data, of_data), (repeated, same, of_same))
    ]
    assert {name: found[0][name] for name in found[0] if name != "median_absolute_error"} == pytest.approx(
        {name: found[1][name] for name in found[1] if name != "median_absolute_error"}, abs=1e-3
    )
    baselines = [training.predict_baseline(part) for training, part in ((once, data), (repeated, same))]
    assert np.unique(baselines[0]) == pytest.approx(np.unique(baselines[1]))
    assert once.refit(of_data, data).judged_ is of_data
    assert once.judged(data, of_data)[0] == "champion"


def test_a_threshold_of_a_model_that_is_fitted_needs_no_weights(chance):
    """As one that has learnt on Spark."""
    training = Training(CHURN, {"WEIGHT": "w"})
    x = chance.normal(size=300)
    rows = weighted(indexed({"x": x}, x > 0, "churn"), chance.choice([1, 3], 300), np.full(300, "a"))
    model = training.new_model(rows[["x"]]).fit(rows[["x"]], rows["churn"])
    given = {"cv": "prefit", "refit": False}
    found = training.fit_threshold(FrozenEstimator(model), rows[["x"]], rows["churn"], **given)
    assert 0 < training.threshold_of(found) < 1


@pytest.mark.parametrize("how", [{"cv": 3}, {"cv": "prefit", "refit": False}], ids=["fitted", "on Spark"])
def test_the_threshold_is_the_best_of_the_weighted_rows(chance, how):
    training = Training(CHURN, {"WEIGHT": "w"})
    label = chance.random(2000) < 0.1
    rows = indexed({"x": label + chance.normal(size=2000)}, label, "churn")
    rows = weighted(rows, np.where(label, 20, 1), np.full(2000, "a"))
    model = make_pipeline(FunctionTransformer(), LogisticRegression())
    if how["cv"] == "prefit":
        model = FrozenEstimator(model.fit(rows[["x"]], rows["churn"]))
    found = training.fit_threshold(model, rows[["x"]], rows["churn"], **how)
    probability = found.predict_proba(rows[["x"]])[:, 1]
    f1 = [
        training.METRICS["f1"](
            rows["churn"], {"prediction": probability >= threshold}, **training.weights_of(rows)
        )
        for threshold in (training.threshold_of(found), *np.linspace(0, 1, 101))
    ]
    assert f1[0] > max(f1) - 0.01


def test_metrics_are_logged_by_segment(chance):
    training = Training(REVENUE, {"WEIGHT": "w", "SEGMENT": "region"})
    x, region = chance.normal(size=500), np.array(["north", "south", None] * 166 + ["rare"] * 2, dtype=object)
    label = np.where(region == "south", -x, np.where(region == "rare", 0, x))
    data = training.data(weighted(indexed({"x": x}, label, "revenue"), np.ones(500), region))
    training.judged(data, type("X", (), {"feature_names_in_": ["x"], "predict": lambda _, x: x["x"]})())
    table = pd.DataFrame(**training.artifacts["segments.json"]).set_index("region")
    assert table["rows"].to_dict() == pd.Series(region[400:]).fillna("NULL").value_counts().to_dict()
    assert table.loc["north", "rmse"] == pytest.approx(0, abs=1e-6)
    assert table.loc["south", "rmse"] > 1
    assert table.loc["rare", "rmse"] == pytest.approx(np.sqrt((x[-2:] ** 2).mean()))  # all have sold nothing


def test_the_median_as_baseline_is_that_of_the_weighted_rows():
    training = Training(REVENUE, {"WEIGHT": "w", "BASELINE": "median"})
    label = np.repeat([0.0, 100.0], [90, 10])
    rows = weighted(indexed({"x": label}, label, "revenue"), np.repeat([1.0, 50.0], [90, 10]), np.zeros(100))
    assert training.typical(rows["revenue"]) == 100
    training = Training(REVENUE, {"BASELINE": "median"})
    assert training.typical(pd.Series([1.0, 2.0, 9.0])) == 2


def test_a_metric_that_takes_no_weights_is_named():
    metrics = {"rmse": lambda truth, found: 0.0}
    with pytest.raises(ValueError, match="METRICS has rmse, which takes no weights, and WEIGHT is w; write"):
        Training(REVENUE, {"WEIGHT": "w", "METRICS": metrics}).check_settings()
    Training(REVENUE, {"WEIGHT": "w"}).check_settings()
    Training(CHURN, {"WEIGHT": "w"}).check_settings()


@pytest.mark.parametrize("notebook", [REVENUE, CHURN], ids=["regression", "classification"])
def test_a_text_of_many_values_is_learnt_by_the_label_of_each(notebook, chance):
    training, shops = Training(notebook), chance.integers(0, 400, 3000)
    effect = chance.normal(size=400)[shops]
    label = effect + 0.1 * chance.normal(size=3000)
    texts = pd.Series(shops).map("shop {}".format).where(shops > 0, None)
    rows = indexed(
        {"shop": texts, "x": chance.random(3000)}, label if notebook == REVENUE else label > 0, "l"
    )
    training.names["LABEL"] = "l"
    data = training.data(rows)
    model = training.fitted(data)
    found = training.predict(training.refit(model, data), data.holdout)
    found = found if notebook == REVENUE else found["probability"]
    assert np.corrcoef(found, effect[2400:])[0, 1] > 0.7
    unknown = data.holdout.head(2).assign(shop=["never seen", None])
    assert np.isfinite(np.asarray(training.predict(model, unknown), dtype=float)).all()


def test_a_forest_is_sure_of_no_row_of_which_it_has_seen_few_alike(template, tmp_path, chance):
    bundle = render(template, tmp_path, models="sales/churn:classification:random_forest")
    (notebook,) = bundle.glob("src/*/sales/train_churn.py")
    training = Training(notebook)
    label = chance.random(400) < 0.3
    rows = indexed({name: chance.random(400) for name in "abc"}, label, "churn")
    data = training.data(rows)
    model = training.fitted(data)
    assert 0.02 < training.predict(model, data.train)["probability"].min()
    assert training.evaluate(data.holdout["churn"], training.predict(model, data.holdout))["log_loss"] < 0.75
