"""The edits that a bundle's README and comments invite, each as (file, what stands there, what comes there).

They are made in a bundle with the default answers; None in place of the old text writes a new file.
"""

CHURN = "src/my_project_ml/sales/train_churn.py"
REVENUE = "src/my_project_ml/sales/train_revenue.py"
OUTLIERS = "src/my_project_ml/ops/train_outliers.py"
FEATURES = "src/my_project_ml/features/create_feature_tables.py"
SCORE = "src/my_project_ml/inference/score_model.py"
SAMPLE = "src/my_project_ml/create_sample_data.py"
STATUS = "src/my_project_ml/pipeline_status.py"
TRAINING = "resources/ml/ml_training_pipeline.yml"
INFERENCE = "resources/ml/ml_inference_pipeline.yml"

PIP = """\
# MAGIC %pip install mlflow==3.7.0
# MAGIC %restart_python

# COMMAND ----------

"""
OWN_TEST = '''"""A test of one's own."""


def test_gold_is_read(local_bundle):
    assert local_bundle.sql("SELECT 1") == [[1]]
'''
OWN_PLOT = '''    figure = Figure()
    figure.subplots().hist(truth)
    return figure


def plot_density(truth: pd.Series, predicted: pd.Series) -> Figure:
    """Predictions of the holdout against the truth, and how far off they are."""
'''
OWN_TASK = """\
        - task_key: train_revenue_weekly
          depends_on:
            - task_key: features_sales
          notebook_task:
            notebook_path: ../../src/my_project_ml/sales/train_revenue.py
            base_parameters:
              model_name: revenue_weekly
              features_status: "{{tasks.features_sales.values.status}}"
          environment_key: default
        - task_key: pipeline_status
          depends_on:
            - task_key: train_revenue_weekly
"""
EDITS = {
    "a larger holdout": [(CHURN, "HOLDOUT_SHARE = 0.2", "HOLDOUT_SHARE = 0.3")],
    "more rows asked for": [(REVENUE, "MIN_ROWS = 50", "MIN_ROWS = 100")],
    "more rows asked for than there are": [(OUTLIERS, "MIN_ROWS = 50", "MIN_ROWS = 100_000")],
    "another use case": [(CHURN, '"sales: churn"', '"who will leave us"')],
    "other positive values": [
        (CHURN, "POSITIVE = None", 'POSITIVE = ["churned"]'),
        ("resources/ml/ml_labels.yml", 'churn:classification"', 'churn:classification:churned/stayed"'),
    ],
    "fewer rows at most": [(REVENUE, "MAX_ROWS = 1_000_000", "MAX_ROWS = 500")],
    "other settings of the algorithm": [
        (REVENUE, "n_estimators=150", "n_estimators=120"),
        (
            REVENUE,
            '{"model__max_depth": [2], "model__n_estimators": [150]}',
            '{"model__n_estimators": [60, 120]}',
        ),
    ],
    "no search": [(CHURN, '{"model__max_leaf_nodes": [4, 31]}', "{}")],
    "another algorithm": [
        (REVENUE, 'ALGORITHM = "xgboost"', 'ALGORITHM = "random_forest"'),
        (REVENUE, ', "scikit-learn", "xgboost"]', ', "scikit-learn"]'),
        (REVENUE, "from xgboost import XGBRegressor\n", ""),
        (
            REVENUE,
            "from sklearn.inspection",
            "from sklearn.ensemble import RandomForestRegressor\nfrom sklearn.inspection",
        ),
        (REVENUE, "model = XGBRegressor(", "model = RandomForestRegressor("),
        (
            REVENUE,
            "        learning_rate=0.05,\n        subsample=0.8,\n        colsample_bytree=0.8,\n"
            "        enable_categorical=True,\n",
            "",
        ),
        (REVENUE, '        feature_types=["c"] * len(few) + ["q"] * (features.shape[1] - len(few)),\n', ""),
    ],
    "one more metric": [(REVENUE, '    "r2": ', '    "max_error": scores.max_error,\n    "r2": ')],
    "one metric less": [
        (
            CHURN,
            '    "log_loss": lambda truth, found, **weights: scores.log_loss('
            'truth, found["probability"], **weights),\n',
            "",
        )
    ],
    "another threshold": [(CHURN, 'THRESHOLD_BY = "f1"', 'THRESHOLD_BY = "balanced_accuracy"')],
    "champions by hand": [("databricks.yml", "default: automatic", "default: manual")],
    "a margin": [("databricks.yml", 'default: "0.01"', 'default: "0.05"')],
    "another share of anomalies": [
        (OUTLIERS, "EXPECTED_SHARE = 0.05", "EXPECTED_SHARE = 0.01"),
        (OUTLIERS, "NEAR = 3", "NEAR = 5"),
    ],
    "another picture": [
        (
            REVENUE,
            '    """Predictions of the holdout against the truth, and how far off they are."""\n',
            OWN_PLOT,
        )
    ],
    "another comparison": [(REVENUE, '= "rmse", True', '= "mae", True')],
    "a value for what is missing": [
        (FEATURES, "FILL_VALUES = {}", 'FILL_VALUES = {"age": -1, "plan": "none"}')
    ],
    "fewer texts in a column": [(FEATURES, "MAX_TEXTS = 200", "MAX_TEXTS = 20")],
    "a column that is no feature": [(FEATURES, '["observed_at"]', '["observed_at", "age"]')],
    "another label": [
        (CHURN, 'LABEL = "churn"', 'LABEL = "has_left"'),
        ("resources/ml/ml_labels.yml", "churn:classification", "has_left:classification"),
    ],
    "other schedules": [
        (TRAINING, "0 0 3 ? * SUN", "0 30 4 1 * ?"),
        (INFERENCE, "0 0 5 * * ?", "0 0 0/6 ? * MON-FRI"),
    ],
    "a longer timeout": [(TRAINING, "timeout_seconds: 7200", "timeout_seconds: 14400")],
    "runs that start at once": [("databricks.yml", "default: STANDARD", "default: PERFORMANCE_OPTIMIZED")],
    "another address for mails": [("databricks.yml", "ml-team@example.com", "night-shift@example.com")],
    "staging paused": [
        ("databricks.yml", "  staging:\n", "  staging:\n    presets: {trigger_pause_status: PAUSED}\n")
    ],
    "gold tables of one's own in dev": [
        (
            "databricks.yml",
            "gold_schema: dev_${workspace.current_user.short_name}_gold",
            "gold_schema: shared_gold",
        )
    ],
    "a task more": [
        (TRAINING, "        - task_key: pipeline_status\n          depends_on:\n", OWN_TASK),
        (
            TRAINING,
            "              results: |\n",
            "              results: |\n                train_revenue_weekly: "
            "{{tasks.train_revenue_weekly.result_state}}\n",
        ),
    ],
    "%pip in place of environment_key": [
        (TRAINING, "          environment_key: default\n", ""),
        (INFERENCE, "          environment_key: ml_inference\n", ""),
        ("resources/ml/ml_sample_data.yml", "              environment_key: default\n", ""),
        *(
            (notebook, "# Databricks notebook source\n", f"# Databricks notebook source\n{PIP}")
            for notebook in (CHURN, REVENUE, OUTLIERS, FEATURES, SCORE, SAMPLE, STATUS)
        ),
        (
            "pyproject.toml",
            "[tool.local_workspace]\n",
            '[tool.local_workspace]\nignore = ["every_task_has_an_environment_of_its_job"]\n',
        ),
    ],
    "a test of one's own": [("tests/test_own.py", None, OWN_TEST)],
}


def apply(root, edits):
    """Makes edits in a bundle's folder; one that does not fit is an error of this table."""
    for file, old, new in edits:
        path = root / file
        if old is None:
            path.write_text(new, "utf-8")
            continue
        text = path.read_text("utf-8")
        assert old in text, f"{file} has no {old!r}: correct this edit"
        path.write_text(text.replace(old, new), "utf-8")
