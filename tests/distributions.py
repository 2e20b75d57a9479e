"""Eleven columns, then and now, which monitoring's figures are compared on with those of other libraries."""

import numpy as np

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
