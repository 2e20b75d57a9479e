"""The sample data's labels: what ml_labels.yml says of them, they have."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from test_notebook_functions import SOURCE, function

LABELS = {  # an entry of ml_labels.yml -> the values of its label
    "churn:classification": {0, 1},
    "churn:classification:churned/stayed": {"churned", "stayed"},
    "churn:classification:churned": {"churned", "other"},
    " revenue:regression, churn:classification:2/1": {"2", "1"},
    "churn:multiclass": {"low", "medium", "high"},
    "churn:multiclass:red/amber/green/blue": {"red", "amber", "green", "blue"},
}


def read_labels(entry: str) -> dict:
    """As the notebook reads its widget."""
    text = (SOURCE / "create_sample_data.py").read_text()
    begin, end = text.index("labels = {}"), text.index("spark = ")
    names = {"dbutils": SimpleNamespace(widgets=SimpleNamespace(get=lambda name: entry))}
    exec(text[begin:end], names)
    return names["labels"]


@pytest.mark.parametrize("entry", LABELS)
def test_the_sample_has_the_values_that_the_labels_are_said_to_have(entry):
    names = {"np": np, "pd": pd, "domain": "sales", "labels": read_labels(entry), "key": "sales_id"}
    names["keys_and_times"] = function("create_sample_data.py", "keys_and_times", **names)
    rows = function("create_sample_data.py", "sample_rows", **names)()
    assert set(rows["churn"]) == LABELS[entry]
