"""The figures of monitoring, by the functions of its notebook alone: beside others', and without drift."""

import __future__

import ast
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributions import PAIRS
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn import metrics

SOURCE = Path(__file__).parent / "rendered/src/my_project_ml"


def functions(notebook):
    """The functions and settings of a notebook that need neither Spark nor a workspace."""
    light = ("math", "re", "numpy", "pandas", "datetime")  # the others take seconds to import
    constants = ("MAX_PSI", "MAX_MISSING", "CHANCE", "MIN_LABELS", "LEFT_OUT")
    found, flags = {}, __future__.annotations.compiler_flag
    for part in ast.parse((SOURCE / notebook).read_text()).body:
        is_import = isinstance(part, ast.Import | ast.ImportFrom) and ast.unparse(part).split()[1] in light
        is_setting = isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) in constants
        if is_import or is_setting or isinstance(part, ast.FunctionDef):
            exec(compile(ast.Module([part], []), notebook, "exec", flags), found)
    return found


def distribution_of():
    """What training logs of a column."""
    for part in ast.parse((SOURCE / "sales/train_revenue.py").read_text()).body:
        if isinstance(part, ast.FunctionDef) and part.name == "distribution_of":
            names = {"pd": pd, "np": np}
            exec(compile(ast.Module([part], []), "train", "exec"), names)
            return names["distribution_of"]


MONITOR, REFERENCE = functions("monitoring/monitor_model.py"), distribution_of()


def places_of(then, values):
    """The bin of the reference that each later value is in; Spark gives numbers of 32 bits."""
    return MONITOR["bins_of"](values if "texts" in then else values.astype("float32"), then)


def seen_now(then, places, values=None):
    """What Spark counts of them; without the values, no means."""
    counts = np.bincount(places + 1, minlength=len(then["counts"]) + 1)[1:]
    found = {"counts": counts.tolist(), "rows": len(places), "missing": float(np.mean(places < 0))}
    if values is not None and "edges" in then:
        sums = np.bincount(places[places >= 0], values.dropna().to_numpy("float32"), len(counts))
        found["means"] = (sums / np.maximum(counts, 1)).tolist()
    return found


@pytest.mark.parametrize(("then", "now", "told_by"), PAIRS.values(), ids=PAIRS)
def test_figures_are_those_of_scipy_within_what_binning_costs(then, now, told_by):
    then, now = pd.Series(then), pd.Series(now)
    reference = REFERENCE(then)
    later = seen_now(reference, places_of(reference, now), now)
    found = MONITOR["compare"](reference, later)
    alerts = MONITOR["alerts_of"]("x", reference, later, True)
    assert len(alerts) == bool(told_by) and all(told_by in sentence for _, sentence in alerts)
    if now.dropna().empty:
        assert found == {}
        return
    counts = np.array([reference["counts"], later["counts"]])
    p, q = counts / counts.sum(axis=1, keepdims=True)
    assert found["js_distance"] == pytest.approx(jensenshannon(p, q), abs=1e-9)
    smooth = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    psi = stats.entropy(smooth[1], smooth[0]) + stats.entropy(smooth[0], smooth[1])
    assert found["population_stability_index"] == pytest.approx(psi)
    if "texts" in reference:
        expected = stats.chi2_contingency(counts[:, counts.sum(axis=0) > 0], correction=False)
        assert found["chi_squared_test"] == pytest.approx((expected.statistic, expected.pvalue), abs=1e-9)
        return
    statistic = stats.ks_2samp(then.dropna(), now.dropna()).statistic
    assert statistic - max(p) - 1e-9 <= found["ks_test"][0] <= statistic + 1e-6
    moved = stats.wasserstein_distance(then.dropna(), now.dropna())
    assert found["wasserstein_distance"] == pytest.approx(moved, abs=0.1 * np.nanstd(then) + 1e-6)


PSI = json.loads(Path(__file__).with_name("psi_of_feature_engine.json").read_text())
OTHER_PSI = {
    "discrete": "its lowest bin has 0 and 1, ours 0 alone",
    "constant that moved": "it has one bin for all values, so it sees nothing",
    "tiny": "it takes an empty bin for 0.0001 of the rows, we for half a row",
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_psi_is_that_of_feature_engine_unless_bins_differ(name):
    then, now = (pd.Series(values) for values in PAIRS[name][:2])
    reference = REFERENCE(then)
    found = MONITOR["compare"](reference, seen_now(reference, places_of(reference, now), now))
    psi = found.get("population_stability_index")
    is_same = psi == PSI[name] or psi == pytest.approx(PSI[name], rel=0.03, abs=0.001)
    assert is_same == (name not in OTHER_PSI)


@pytest.mark.parametrize("share", [0.3, 0.001])
def test_the_metrics_of_a_classification_are_scikit_learns(share):
    chance, size = np.random.default_rng(3), 3000 if share > 0.1 else 100_000
    odds = np.log(share / (1 - share)) + chance.normal(0, 1.5, size)
    probability = 1 / (1 + np.exp(-odds))
    label = (chance.random(size) < probability) * 1
    predicted, parts = (probability >= 1.5 * share) * 1, {}
    bins = np.floor(200 * (np.log(probability / (1 - probability)) + 21)).astype(int)  # as live_part has it
    places = bins * 4 + label * 2 + predicted
    for place, value in zip(places, probability, strict=True):
        rows, total, *_ = parts.get(place, (0, 0.0))
        parts[place] = rows + 1, total + value, None, None, None  # Spark sums no errors here
    found = MONITOR["classification_metrics"](MONITOR["cells_of"](parts))
    assert found == pytest.approx(
        {
            "roc_auc": metrics.roc_auc_score(label, probability),
            "average_precision": metrics.average_precision_score(label, probability),
            "log_loss": metrics.log_loss(label, probability),
            "brier_score": metrics.brier_score_loss(label, probability),
            "f1": metrics.f1_score(label, predicted),
            "precision": metrics.precision_score(label, predicted),
            "recall": metrics.recall_score(label, predicted),
        },
        abs=0.002,  # what bins cost
    )


def test_the_metrics_of_a_regression_are_scikit_learns():
    chance = np.random.default_rng(4)
    label = chance.normal(size=3000)
    predicted = label + chance.normal(0.1, 0.5, size=3000)
    error = label - predicted
    sums = np.stack([np.ones(3000), label, label**2, np.abs(error), error**2]).reshape(5, 100, 30).sum(axis=2)
    parts = {group: tuple(values) for group, values in enumerate(sums.T)}
    found = MONITOR["regression_metrics"](MONITOR["groups_of"](parts))
    assert found == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(label, predicted),
            "mae": metrics.mean_absolute_error(label, predicted),
            "r2": metrics.r2_score(label, predicted),
        }
    )
    intervals = MONITOR["with_intervals"](MONITOR["groups_of"](parts), MONITOR["regression_metrics"])
    value, low, high = intervals["rmse"]
    assert low < value < high and high - low == pytest.approx(6 * 0.5 / np.sqrt(2 * 3000), rel=0.3)


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 10, 50])
@pytest.mark.parametrize("value", [0.0, 0.5, 9.0, 60.0, 300.0])
def test_the_tail_of_chi_squared_is_scipys(value, freedom):
    tail = MONITOR["chi_squared_tail"](value, freedom)
    assert tail == pytest.approx(stats.chi2.sf(value, freedom), rel=1e-9, abs=1e-300)


LOOKS = 100
MAKERS = (
    lambda chance, n: chance.normal(size=n),
    lambda chance, n: chance.lognormal(3, 1.5, n),
    lambda chance, n: chance.poisson(0.7, n) * 1.0,
    lambda chance, n: chance.choice([f"t{k}" for k in range(60)], n, p=np.arange(60, 0, -1) / 1830),
    lambda chance, n: np.where(chance.random(n) < 0.1, np.nan, chance.integers(0, 2, n)),
)


@pytest.mark.parametrize(("rows", "window"), [(200, 160), (2000, 30), (2000, 2000)])
def test_fifty_features_without_drift_looked_at_100_times_alert_at_most_once(rows, window):
    chance, alerts, largest = np.random.default_rng(rows + window), [], 0.0
    for feature in range(50):
        make = MAKERS[feature % len(MAKERS)]
        reference = REFERENCE(pd.Series(make(chance, rows)))
        places = places_of(reference, pd.Series(make(chance, window * LOOKS)))
        for look in places.reshape(LOOKS, window):
            later = seen_now(reference, look)
            largest = max(
                largest, MONITOR["population_stability_index"](reference["counts"], later["counts"])
            )
            alerts += MONITOR["alerts_of"](str(feature), reference, later, True)
    print(
        f"{rows} rows then, {window} now: {len(alerts)} alerts of {50 * LOOKS} looks, PSI up to {largest:.2f}"
    )
    assert len(alerts) <= 1, alerts
