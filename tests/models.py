"""The models of bundles that several tests render."""

TYPES = [
    "regression:xgboost",
    "regression:gradient_boosting",
    "classification:xgboost",
    "classification:gradient_boosting",
    "anomaly:isolation_forest",
]
DOMAINS = ["claims", "churn", "energy", "fraud", "sales"]
MANY = ", ".join(f"{d}/{d}_{n}:{kind}" for d in DOMAINS for n, kind in enumerate(TYPES, start=1))
EVERY_KIND = (
    "sales/revenue:regression:xgboost, sales/churn:classification:gradient_boosting, "
    "sales/margin:regression:gradient_boosting, sales/renewal:classification:xgboost, "
    "ops/outliers:anomaly:isolation_forest, visits/stay:regression:xgboost, "
    "sales/late:classification:spark_xgboost, sales/price:regression:spark_xgboost, "
    "sales/orders:regression:linear, sales/opened:classification:linear, "
    "sales/rebate:regression:random_forest, sales/referral:classification:random_forest, "
    "sales/tier:multiclass:xgboost, sales/grade:multiclass:gradient_boosting, "
    "sales/segment:multiclass:random_forest, visits/mood:multiclass:linear, "
    "visits/back:classification:linear"
)
EXTRA_TREES = "sales/refund:regression:extra_trees, sales/recall:classification:extra_trees"  # see baking.py
