"""Trainings without Spark: a rendered notebook's functions, given rows in pandas and a registry in memory."""

import re
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import mlflow
import mlflow.pyfunc
import numpy as np
import pandas as pd
from own_tables import one_setting

SOURCE = Path(__file__).parent / "rendered/src/my_project_ml"
REVENUE, CHURN, OUTLIERS = (
    SOURCE / name for name in ("sales/train_revenue.py", "sales/train_churn.py", "ops/train_outliers.py")
)


class Widgets:
    """The parameters of a job."""

    def __init__(self, **given: str):
        self.given = {"approval": "automatic", "promotion_margin": "0.01", **given}

    def text(self, name: str, default: str, label: str) -> None:
        self.given.setdefault(name, default)

    def get(self, name: str) -> str:
        return self.given[name]


def quicker(text: str) -> str:
    """The notebook with a tenth of the trees, a single setting, and a fifth of the samples."""
    text = re.sub(r"((?:n_estimators|max_iter)\W+)(\d+)0(?=[,\]])", r"\1\2", text)
    return one_setting(text).replace("range(200)", "range(40)")


class Training:
    """A notebook's functions as attributes; what it logs is kept, and versions are models by their name.

    So that tests are quick, its models have a tenth of the trees, its search a single setting, and its
    intervals a fifth of the samples.
    """

    def __init__(self, notebook: Path, constants: dict | None = None, is_quick: bool = True, **given: str):
        text = notebook.read_text("utf-8").partition("    status = main()")[0].rpartition("# COMMAND")[0]
        text = quicker(text) if is_quick else text
        dbutils = SimpleNamespace(widgets=Widgets(**given))
        self.names = {"__name__": "__main__", "dbutils": dbutils}
        exec(compile(text, str(notebook), "exec"), self.names)
        self.names |= constants or {}
        self.metrics, self.artifacts, self.versions, self.worth = {}, {}, {}, {}
        self.names["note_worth"] = lambda model, version, worth: self.worth.update({version: worth})
        self.held_out = {}  # of a version: what held for the rows that it did not learn from
        self.names["holdout_rule"] = lambda model, version: self.held_out.get(version)

    def __getattr__(self, name: str):
        return self.names[name]

    def _load(self, uri: str) -> SimpleNamespace:
        """`models:/dev.ml.model/1/data/feature_store/raw_model`."""
        return SimpleNamespace(get_raw_model=lambda: self.versions[uri.split("/")[2]])

    @contextmanager
    def logging(self):
        """What mlflow is asked to log is kept here."""
        kept = {
            "log_metrics": self.metrics.update,
            "log_metric": lambda name, value: self.metrics.update({name: value}),
            "log_dict": lambda found, name: self.artifacts.update({name: found}),
            "log_table": lambda table, name: self.artifacts.update({name: table}),
            "log_figure": self._draw,
        }
        with patch.multiple(mlflow, **kept), patch.object(mlflow.pyfunc, "load_model", self._load):
            yield self

    def _draw(self, figure: object, name: str) -> None:
        path = self.names.get("FOLDER")
        figure.savefig(f"{path}/{name}" if path else "/dev/null", format="png")
        self.artifacts[name] = figure

    def data(self, rows: pd.DataFrame, share: float = 0.2, **more: object) -> object:
        """What load_data makes of rows: the last are held out."""
        first = len(rows) - round(share * len(rows))
        train, holdout = rows.iloc[:first], rows.iloc[first:]
        rules = {"rows_train": str(len(train)), "holdout": "false"}
        given = {"gold": None, "features": None, "training_set": None, "rules": rules, "remarks": []}
        return self.TrainingData(train=train, holdout=holdout, **given, **more)

    def judged(self, data: object, model: object, **aliases: str) -> tuple[str, str]:
        """The alias and the reason."""
        with self.logging():
            return self.judge("dev.ml.model", data, model, aliases)

    def fitted(self, data: object) -> object:
        with self.logging():
            return self.fit(data.train)


def indexed(features: dict, label: np.ndarray | None, name: str, timed: bool = False) -> pd.DataFrame:
    """Rows by key, or by the hour, with the label under its name."""
    rows = pd.DataFrame(features)
    for column in rows.select_dtypes("number"):
        rows[column] = rows[column].astype("float32")
    if label is not None:
        rows[name] = np.asarray(label, dtype="float64")
    hours = pd.date_range("2025-01-01", periods=len(rows), freq="h", name="observed_at")
    return rows.set_index(hours) if timed else rows.rename_axis("sales_id")
