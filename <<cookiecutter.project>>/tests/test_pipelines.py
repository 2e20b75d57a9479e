"""The whole path runs here as it runs on Databricks: no task fails, and every key gets its prediction."""

import pytest

JOBS = ("ml_sample_data", "ml_training_pipeline", "ml_inference_pipeline")


@pytest.fixture(scope="module")
def runs(local_bundle):
    return [local_bundle.run(job) for job in JOBS]


def test_no_task_of_the_whole_path_fails(runs):
    statuses = {f"{run.key}.{task.key}": task.status for run in runs for task in run.tasks}
    failed = {key: status for key, status in statuses.items() if status.startswith("FAILED")}
    assert not failed
    assert not any(run.failed for run in runs), statuses


def test_a_model_that_scored_has_one_prediction_for_each_key(local_bundle, runs):
    scored = {task.key for task in runs[-1].tasks if task.status.startswith("SUCCESS")}
    for task in local_bundle.bundle.jobs["ml_inference_pipeline"]["tasks"]:
        given = task.get("notebook_task", {}).get("base_parameters", {})
        if task["task_key"] not in scored or "model_name" not in given:
            continue
        gold, key = f"{local_bundle.gold}.{given['domain']}", f"{given['domain']}_id"
        predictions = f"{local_bundle.features}.{given['model_name']}_predictions"
        ((gold_keys, predicted, rows),) = local_bundle.sql(f"""
            SELECT (SELECT count(DISTINCT {key}) FROM {gold}),
                count(DISTINCT IF(prediction IS NULL, NULL, {key})), count(*) FROM {predictions}
        """)
        assert gold_keys == predicted == rows > 0, given["model_name"]
