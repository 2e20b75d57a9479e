"""Monitoring, run as the job runs it: quiet on sample data, and what it says of what is planted there.

The tests build on each other, in this order. They take ten minutes, so `.ci/run` leaves them out:

uv run pytest -p no:xdist -o addopts= tests/notebooks/full_monitoring.py
"""

import pytest
from baking import render
from local_workspace.testing import LocalBundle

MODELS = (
    "sales/churn:classification:gradient_boosting, visits/stay:regression:xgboost, "
    "sales/renewal:classification:random_forest, ops/outliers:anomaly:isolation_forest"
)
NAMES = ("churn", "outliers", "renewal", "stay")


@pytest.fixture(scope="module")
def bundle(template, tmp_path_factory):
    """A bundle of its own, since what is planted here would disturb other tests."""
    rendered = render(
        template, tmp_path_factory.mktemp("baked"), models=MODELS, history_domains="visits", project="watched"
    )
    for notebook in rendered.glob("src/*/*/train_*.py"):  # so the newest fifth was never learnt from
        if notebook.stem == "train_renewal":  # but by this one, which is surer of its predictions for it
            continue
        text = notebook.read_text("utf-8")
        assert "REFIT = True" in text
        notebook.write_text(text.replace("REFIT = True", "REFIT = False"), "utf-8")
    with LocalBundle(rendered, tmp_path_factory.mktemp("bundle") / "copy") as running:
        for job in ("ml_sample_data", "ml_training_pipeline", "ml_inference_pipeline"):
            assert not running.run(job).failed
        yield running


def monitor(bundle, *only, **parameters):
    """The run, and the status of each task."""
    run = bundle.run("ml_monitoring_pipeline", list(only) or None, **parameters)
    return run, {task.key: task.status for task in run.tasks}


def figures(bundle, model):
    return bundle.sql(f"""
        SELECT `window`.end, column_name, count, percent_null, population_stability_index, js_distance,
            ks_test.statistic, wasserstein_distance, chi_squared_test.pvalue, _metadata.file_name
        FROM {bundle.features}.{model}_monitoring ORDER BY ALL
    """)


def change_sales(bundle, change):
    """Changes the gold table, then features and predictions."""
    bundle.sql(f"UPDATE {bundle.gold}.sales SET {change}")
    assert not bundle.run("ml_inference_pipeline", ["features_sales", "score_churn"]).failed


def test_sample_data_are_quiet_and_a_second_run_changes_nothing(bundle):
    run, statuses = monitor(bundle)
    assert not run.failed
    assert {statuses[f"monitor_{name}"] for name in NAMES} == {"SUCCESS"}, statuses
    before = {name: figures(bundle, name) for name in NAMES}
    assert {row[1] for row in before["churn"]} >= {"age", "plan", "prediction", "churn", ":table"}
    counts = {(name, row[1]): row[2] for name in NAMES for row in before[name] if row[1] != ":table"}
    assert counts.pop(("renewal", "prediction")) == 0 and min(counts.values()) > 100
    monitor(bundle)
    assert {name: figures(bundle, name) for name in NAMES} == before


def test_labels_that_arrived_give_metrics_beside_those_of_the_holdout(bundle):
    for name, metric in (("churn", "roc_auc"), ("stay", "rmse")):
        ((count, metrics),) = bundle.sql(
            f"SELECT count, to_json(metrics) FROM {bundle.features}.{name}_monitoring "
            "WHERE column_name = ':table'"
        )
        assert count >= 100 and f'"{metric}"' in metrics, name


def test_the_run_in_the_experiment_has_series_and_a_picture(bundle):
    found = bundle.ask(f"""
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name("/Shared/{bundle.project}_ml_churn")
        run = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])[0]
        artifacts = [file.path for file in client.list_artifacts(run.info.run_id)]
        return dict(metrics=list(run.data.metrics), artifacts=artifacts)
    """)
    assert {"largest_psi", "prediction_psi", "live_roc_auc"} <= set(found["metrics"])
    assert found["artifacts"] == ["monitoring.png"]


def test_the_past_is_looked_at_by_as_of(bundle):
    _, statuses = monitor(bundle, "monitor_churn", "monitor_stay", as_of="2020-01-01")
    assert statuses["monitor_churn"].startswith("SKIPPED:"), statuses
    _, statuses = monitor(bundle, "monitor_churn", as_of="soon")
    assert "parameter as_of is 'soon'" in statuses["monitor_churn"]
    _, statuses = monitor(bundle, "monitor_churn", as_of="2025-01-20 00:00:00", window_days="5")
    assert statuses["monitor_churn"] == "SUCCESS"
    assert {str(row[0])[:10] for row in figures(bundle, "churn")} == {"2025-01-20", "2025-02-12"}


def test_half_the_labels_turned_round_are_found_by_the_live_metric_alone(bundle):
    change_sales(bundle, "churn = 1 - churn WHERE sales_id % 2 = 0")
    _, statuses = monitor(bundle, "monitor_churn")
    bundle.sql(f"UPDATE {bundle.gold}.sales SET churn = 1 - churn WHERE sales_id % 2 = 0")
    assert statuses["monitor_churn"].startswith("ALERT: roc_auc is "), statuses
    assert ";" not in statuses["monitor_churn"]


def test_drift_planted_in_one_feature_is_named_alone_and_fails_the_run(bundle):
    change_sales(bundle, "age = age + 60 WHERE observed_at > '2025-02-05'")
    run, statuses = monitor(bundle)
    assert run.failed
    assert statuses["monitor_churn"].startswith("ALERT: age has a PSI of "), statuses
    assert ";" not in statuses["monitor_churn"]
    assert {statuses[f"monitor_{name}"] for name in ("outliers", "stay")} == {"SUCCESS"}
    assert statuses["retrain"].startswith("NOT RUN")


def test_an_alert_may_start_the_training_and_need_not_fail_the_run(bundle):
    run, statuses = monitor(bundle, alerts_fail="false", retrain_on_alert="true")
    assert not run.failed
    assert statuses["monitor_churn"].startswith("ALERT: age ")
    assert statuses["retrain"].startswith("SUCCESS"), statuses


def test_a_column_that_is_gone_and_a_new_one_are_a_sentence(bundle):
    gold = f"{bundle.gold}.sales"
    bundle.sql(f"CREATE OR REPLACE TABLE {gold} AS SELECT * EXCEPT (plan), 1.5D AS extra FROM {gold}")
    bundle.sql(f"DROP TABLE {bundle.features}.sales_features")
    bundle.run("ml_inference_pipeline", ["features_sales"])
    _, statuses = monitor(bundle, "monitor_churn")
    assert statuses["monitor_churn"].startswith("ALERT: plan is gone from "), statuses
    (log,) = bundle.logs.glob("ml_monitoring_pipeline.monitor_churn.log")
    assert "and not known to champion" in log.read_text() and "extra" in log.read_text()


def test_a_champion_without_a_reference_is_skipped_with_the_remedy(bundle):
    for reference in bundle.root.rglob("reference.json"):
        reference.unlink()
    _, statuses = monitor(bundle, "monitor_stay")
    assert statuses["monitor_stay"].endswith("was trained without reference.json; train a new version")
