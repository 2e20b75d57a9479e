"""The figures of monitoring, by the functions of its notebook alone: beside scipy's, and without drift."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

SOURCE = Path(__file__).parent / "rendered/src/my_project_ml"


def functions(notebook):
    """The functions and settings of a notebook that need neither Spark nor a workspace."""
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    constants = ("MAX_PSI", "MAX_MISSING", "CHANCE", "MIN_LABELS", "LEFT_OUT")
    found = {}
    for part in ast.parse((SOURCE / notebook).read_text()).body:
        is_setting = isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) in constants
        if isinstance(part, kept) or is_setting:
            exec(compile(ast.Module([part], []), notebook, "exec"), found)
    return found


def distribution_of():
    """What training logs of a column."""
    for part in ast.parse((SOURCE / "sales/train_revenue.py").read_text()).body:
        if isinstance(part, ast.FunctionDef) and part.name == "distribution_of":
            names = {"pd": pd, "np": np}
            exec(compile(ast.Module([part], []), "train", "exec"), names)
            return names["distribution_of"]


MONITOR, REFERENCE = functions("monitoring/monitor_model.py"), distribution_of()


def seen_now(then, values):
    """Later values in the bins of the reference, as Spark counts them."""
    known, missing = values.dropna(), float(values.isna().mean()) if len(values) else 0.0
    if "texts" in then:
        places = [then["texts"].index(v) if v in then["texts"] else len(then["texts"]) for v in known]
        counts = np.bincount(np.array(places, dtype=int), minlength=len(then["counts"]))
        return {"counts": counts.tolist(), "rows": len(values), "missing": missing}
    known = known.to_numpy("float32")
    places = np.searchsorted(np.array(then["edges"], dtype="float32"), known)
    counts = np.bincount(places, minlength=len(then["counts"]))
    means = np.bincount(places, known, len(counts)) / np.maximum(counts, 1)
    return {"counts": counts.tolist(), "means": means.tolist(), "rows": len(values), "missing": missing}


def series(values):
    return pd.Series(values)


DRAW = np.random.default_rng(7)
NORMAL = DRAW.normal(size=4000)
HOLED = np.where(DRAW.random(4000) < 0.3, np.nan, DRAW.normal(size=4000))
TEXTS = DRAW.choice(["north", "south", "east"], 4000)
PAIRS = {  # then, now, what they are told by
    "same": (NORMAL, DRAW.normal(size=3000), ""),
    "shifted": (NORMAL, DRAW.normal(1, size=3000), "PSI"),
    "scaled": (NORMAL, DRAW.normal(size=3000) * 3, "PSI"),
    "discrete": (DRAW.poisson(1.5, 4000) * 1.0, DRAW.poisson(3, 3000) * 1.0, "PSI"),
    "decimals that floats lack": (DRAW.integers(0, 9, 4000) / 10, DRAW.integers(0, 9, 3000) / 10, ""),
    "constant that moved": (np.full(4000, 5.0), np.full(3000, 4.0), "PSI"),
    "constant": (np.full(4000, 5.0), np.full(3000, 5.0), ""),
    "a new category": (TEXTS, DRAW.choice(["north", "south", "east", "west"], 3000), "PSI"),
    "missing values": (NORMAL, HOLED[:3000], "missing"),
    "tiny": (NORMAL[:12], NORMAL[20:30] + 0.1, ""),
    "empty": (NORMAL, np.full(300, np.nan), "missing"),
}


@pytest.mark.parametrize(("then", "now", "told_by"), PAIRS.values(), ids=PAIRS)
def test_figures_are_those_of_scipy_within_what_binning_costs(then, now, told_by):
    then, now = series(then), series(now)
    reference = REFERENCE(then)
    later = seen_now(reference, now)
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


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 10, 50])
@pytest.mark.parametrize("value", [0.0, 0.5, 9.0, 60.0, 300.0])
def test_the_tail_of_chi_squared_is_scipys(value, freedom):
    tail = MONITOR["chi_squared_tail"](value, freedom)
    assert tail == pytest.approx(stats.chi2.sf(value, freedom), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("rows", "window"), [(200, 160), (2000, 30)])
def test_fifty_features_without_drift_looked_at_100_times_alert_at_most_once(rows, window):
    chance, alerts = np.random.default_rng(rows + window), []
    for feature in range(50):
        kind = feature % 5
        makers = (
            lambda n: chance.normal(size=n),
            lambda n: chance.lognormal(3, 1.5, n),
            lambda n: chance.poisson(0.7, n) * 1.0,
            lambda n: chance.choice([f"t{k}" for k in range(60)], n, p=np.arange(60, 0, -1) / 1830),
            lambda n: np.where(chance.random(n) < 0.1, np.nan, chance.integers(0, 2, n)),
        )
        reference = REFERENCE(series(makers[kind](rows)))
        for _ in range(100):
            later = seen_now(reference, series(makers[kind](window)))
            alerts += MONITOR["alerts_of"](str(feature), reference, later, True)
    assert len(alerts) <= 1, alerts
