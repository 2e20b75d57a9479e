"""The PSI that feature-engine gives each pair of `distributions.py`; null where it gives none.

uv run --isolated --no-project --python 3.12 --with feature-engine==1.9.4 --with numpy==2.1.3 \
    tests/psi_of_feature_engine.py > tests/psi_of_feature_engine.json
"""

import json

import numpy as np
import pandas as pd
from distributions import PAIRS
from feature_engine.selection import DropHighPSIFeatures

PLAN = {"split_col": "part", "cut_off": ["then"], "bins": 10, "strategy": "equal_frequency", "p_value": 0.001}


def psi(then: np.ndarray, now: np.ndarray) -> float | None:
    """By 10 bins of equal frequency, or by each text."""
    parts = ["then"] * len(then) + ["now"] * len(now)
    rows = pd.DataFrame({"part": parts, "x": np.concatenate([then, now])})
    try:
        found = DropHighPSIFeatures(**PLAN, variables=["x"], missing_values="ignore").fit(rows)
    except ValueError:  # a constant has no bins
        return None
    return round(float(found.psi_values_["x"]), 6)


if __name__ == "__main__":
    print(json.dumps({name: psi(then, now) for name, (then, now, _) in PAIRS.items()}, indent=2))
