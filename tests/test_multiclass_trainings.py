"""Labels of more than two classes: functions of rendered notebooks on made-up rows, without Spark."""

import json

import matplotlib
import numpy as np
import pandas as pd
import pytest
from baking import render
from sklearn import metrics as scores
from training import Training, indexed

ALGORITHMS = ("xgboost", "gradient_boosting", "random_forest", "linear")


@pytest.fixture(scope="module")
def notebooks(template, tmp_path_factory):
    """A notebook of each algorithm, which learns the label `tier`."""
    models = ", ".join(f"{name}/tier_{name}:multiclass:{name}" for name in ALGORITHMS)
    bundle = render(template, tmp_path_factory.mktemp("multiclass"), models=models)
    return {name: bundle / f"src/my_project_ml/{name}/train_tier_{name}.py" for name in ALGORITHMS}


@pytest.fixture(scope="module")
def tier(notebooks):
    return Training(notebooks["linear"], {"LABEL": "tier"})


@pytest.fixture
def chance():
    return np.random.default_rng(1)


def labelled(chance, classes, timed=False):
    """Rows of which a number and a text know the class, mostly; the label is text."""
    codes = np.unique(classes, return_inverse=True)[1]
    known = np.where(chance.random(len(codes)) < 0.2, 0, codes)
    features = {
        "x": known + 0.3 * chance.normal(size=len(codes)),
        "t": np.char.add("t", (known % 3).astype(str)),
    }
    rows = indexed(features, None, "tier", timed)
    rows["tier"] = np.asarray(classes, dtype=object)
    return rows


class Shares:
    """A model that predicts what stands in columns named after its classes."""

    def __init__(self, *classes):
        self.classes_, self.feature_names_in_ = np.array(classes), [f"p_{name}" for name in classes]

    def predict_proba(self, rows):
        return rows.to_numpy(float)


def shares(chance, names, sure=0.8, count=500):
    """Rows with the probabilities that a model gives, `sure` of the true class."""
    label = chance.choice(names, count)
    given = np.where(label[:, None] == np.array(names), sure, (1 - sure) / (len(names) - 1))
    rows = pd.DataFrame(given, columns=[f"p_{name}" for name in names])
    return rows.assign(tier=label.astype(object)).rename_axis("sales_id")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_learns_from_a_text_of_many_values(notebooks, chance, algorithm, classes):
    training = Training(notebooks[algorithm], {"LABEL": "tier"})
    shops = chance.integers(0, 300, 3000)
    rows = pd.DataFrame({"shop": [f"shop {n}" for n in shops], "x": chance.random(3000)})
    rows["tier"] = [f"class {n % classes}" for n in shops]
    data = training.data(rows.rename_axis("sales_id"))
    model = training.fitted(data)
    found = training.predict(training.refit(model, data), data.holdout)
    assert (found["prediction"] == data.holdout["tier"]).mean() > 0.9


@pytest.mark.parametrize("timed", [True, False], ids=["by time", "by key"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_predicts_texts_with_the_probability_of_each(notebooks, chance, algorithm, timed):
    training = Training(notebooks[algorithm], {"LABEL": "tier"})
    rows = labelled(chance, chance.choice(["10", "2", "gold"], 400), timed)
    data = training.data(rows)
    model = training.fitted(data)
    for fitted in (model, training.refit(model, data)):
        found = training.predict(fitted, data.holdout)
        probabilities = found["probabilities"]
        assert list(probabilities) == ["10", "2", "gold"]
        assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        assert (found["prediction"] == probabilities.idxmax(axis=1)).all()
        assert list(fitted.predict(data.holdout[["x", "t"]])) == list(found["prediction"])
        assert (found["prediction"] == data.holdout["tier"]).mean() > 0.7
    alias, reason = training.judged(data, model)
    assert (alias, "log_loss 0." in reason) == ("champion", True), reason
    metrics = training.evaluate(data.holdout["tier"], training.predict(model, data.holdout))
    assert list(metrics) == ["log_loss", "accuracy", "f1_macro", "roc_auc_ovr"]
    assert metrics["roc_auc_ovr"] > 0.8
    assert training.settings_of(model)["classes"] == 3
    assert "The class of `tier`, one of 3 (10, 2, gold)" == training.summary(model)
    assert isinstance(training.make_folds(data.train["tier"]), training.TimeSeriesSplit) == timed


def macro_f1(truth, predicted):
    return scores.f1_score(truth, predicted, average="macro")


def test_metrics_are_scikit_learns(tier, chance):
    rows = shares(chance, ["a", "b", "c"])
    given = chance.dirichlet([1, 1, 1], 500)
    found = tier.with_prediction(pd.DataFrame(given, rows.index, ["a", "b", "c"]))
    weights = {"sample_weight": chance.random(500)}
    for how in ({}, weights):
        assert tier.METRICS["log_loss"](rows["tier"], found, **how) == pytest.approx(
            scores.log_loss(rows["tier"], given, **how)
        )
    for name, score in (("accuracy", scores.accuracy_score), ("f1_macro", macro_f1)):
        expected = score(rows["tier"], found["prediction"])
        assert tier.METRICS[name](rows["tier"], found) == pytest.approx(expected)
    assert tier.METRICS["roc_auc_ovr"](rows["tier"], found) == pytest.approx(
        scores.roc_auc_score(rows["tier"], given, multi_class="ovr")
    )


def test_knowing_nothing_is_the_share_of_each_class(tier, chance):
    data = tier.data(shares(chance, ["a", "b"]))
    baseline = tier.predict_baseline(data)
    assert baseline["probabilities"].iloc[0].to_dict() == data.train["tier"].value_counts(True).to_dict()
    rows = data.holdout["tier"]
    assert tier.log_loss(rows, tier.best_constant(rows)["probabilities"]) <= tier.log_loss(
        rows, baseline["probabilities"]
    )


WORSE = "champion 1 is no better than the baseline any more"
CHAMPIONS = {  # classes that the champion knows, how sure it is -> the alias, what is said
    "the same classes, less sure": (["a", "b", "c"], 0.6, "champion", "version 1"),
    "the same classes, surer": (["a", "b", "c"], 0.9, "challenger", "promotion_margin asks for"),
    "one class less": (["a", "b"], 0.9, "champion", WORSE),
    "one class more": (["a", "b", "c", "d"], 0.9, "challenger", "promotion_margin asks for"),
    "classes that were numbers": ([0.0, 1.0], 0.9, "champion", WORSE),
}


@pytest.mark.parametrize("case", CHAMPIONS)
def test_a_champion_of_other_classes_is_compared_by_their_names(tier, chance, case):
    names, sure, alias, said = CHAMPIONS[case]
    rows = shares(chance, ["a", "b", "c"])
    champion = Shares(*names)
    champion.feature_names_in_ = [f"q_{name}" for name in names]
    for name in names:
        rows[f"q_{name}"] = np.where(rows["tier"] == name, sure, (1 - sure) / (len(names) - 1))
    tier.versions = {"1": champion}
    found, reason = tier.judged(tier.data(rows), Shares("a", "b", "c"), champion="1")
    assert (found, said in reason) == (alias, True), reason


def test_rows_of_classes_too_rare_to_learn_are_left_out_and_named(tier, chance):
    names = np.repeat(["a", "b", "rare", "new"], [200, 196, 2, 2])
    data = tier.data(labelled(chance, names[[*chance.permutation(398), 398, 399]]), 0.1)
    holdout = pd.concat([data.holdout, data.train[data.train["tier"] == "rare"].iloc[:1]])
    train, held_out, said = tier.without_rare_classes(data.train, holdout)
    assert {*train["tier"]} == {*held_out["tier"]} == {"a", "b"}
    assert said == ["rows of rare (3), new (2) are left out, since fewer than 3 of each are to learn from"]


def test_too_few_classes_are_skipped_and_too_many_refused(tier, chance):
    few = tier.data(labelled(chance, ["a"] * 100 + ["b"]))
    with pytest.raises(tier.Skipped, match="label tier has 81 rows to learn from, 1 classes in the holdout"):
        tier.without_rare_classes(few.train, few.holdout)
    many = tier.data(labelled(chance, np.arange(1010).astype(str)))
    with pytest.raises(ValueError, match="^label tier has 1010 values, more than MAX_CLASSES, 100; make"):
        tier.without_rare_classes(many.train, many.holdout)


def test_folds_are_by_class_where_time_has_not_every_class(tier):
    timed = pd.Series(np.repeat(["a", "b"], 50), pd.date_range("2025", periods=100, name="observed_at"))
    folds = tier.make_folds(timed)
    assert all(timed.iloc[rows].nunique() == 2 for pair in folds.split(timed, timed) for rows in pair)


@pytest.mark.parametrize(
    "text", ["класс {} ", 'say "{}", or \\ not ', "  {}  "], ids=["foreign", "quoted", "spaces"]
)
def test_the_names_of_200_classes_are_kept_in_tags_that_unity_catalog_takes(tier, text):
    from local_workspace.api.model_registry import _tag

    names = [text.format(n) for n in range(200)]
    tags = tier.scoring_tags(Shares(*names))
    assert len(tags) <= 45
    for name, value in tags.items():
        assert _tag({"key": name, "value": value}) == (name, value)
    parts = [tags[name] for name in sorted(tags) if name.startswith("classes_")]
    assert json.loads("".join(parts)) == names


@pytest.mark.parametrize("count", [2, 3, 40])
def test_pictures_are_drawn_of_few_and_of_many_classes(notebooks, chance, count, capsys):
    training = Training(notebooks["linear"], {"LABEL": "tier"})
    names = np.array([f"cla$$ {n} {'long' * 9}" for n in range(count)])
    data = training.data(labelled(chance, names[np.arange(20 * count) % count]))
    model = training.fitted(data)
    predicted = training.predict(model, data.holdout)
    importance = training.measure_importance(model, data.holdout)
    with training.logging(), matplotlib.rc_context({"text.usetex": True}):
        training.log_picture("holdout.png", training.plot, data.holdout["tier"], predicted)
        training.log_picture("importance.png", training.plot_importance, importance)
    assert {"holdout.png", "importance.png"} <= set(training.artifacts), capsys.readouterr().out
    shown = [text.get_text() for text in training.artifacts["holdout.png"].axes[1].get_yticklabels()]
    assert len(shown) == min(count, 16)


def test_monitoring_gets_the_spread_of_the_predicted_class(notebooks, chance):
    training = Training(notebooks["linear"], {"LABEL": "tier"})
    rows = labelled(chance, chance.choice(["a", "b", "c"], 300))
    data = training.data(rows)
    data.rules["holdout"] = "false"
    logged = {}
    training.names["mlflow"] = type(
        "mlflow", (), {"log_dict": lambda given, name: logged.update({name: given})}
    )
    training.log_reference(data, training.predict_baseline(data))
    reference = json.loads(json.dumps(logged["reference.json"]))
    assert reference["classes"] == ["a", "b", "c"]
    assert (
        sum(reference["columns"]["tier"]["counts"]) == sum(reference["columns"]["prediction"]["counts"]) == 60
    )
    assert (reference["compared_by"], reference["lower_is_better"]) == ("log_loss", True)
    assert set(reference["metrics"]) == set(training.METRICS)


def test_no_class_is_impossible_to_a_forest_of_which_no_tree_knows_it(notebooks, chance):
    """One such row would make the log loss of all others worthless."""
    training = Training(notebooks["random_forest"], {"LABEL": "tier"})
    data = training.data(labelled(chance, chance.choice(["a", "b", "c"], 400)))
    probabilities = training.predict(training.fitted(data), data.holdout)["probabilities"]
    assert probabilities.to_numpy().min() == pytest.approx(1 / 3 / 321)
