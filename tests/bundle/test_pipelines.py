"""The jobs, run here as they run on Databricks: what they leave in tables, registry and experiments.

The tests build on each other, in this order: a first run, then the same again, then what goes wrong.
"""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path.cwd()
ENVIRONMENT = yaml.safe_load((ROOT / "resources/ml/ml_environment.yml").read_text())["variables"]


@pytest.fixture(scope="module")
def first(local_bundle):
    """The first run of everything."""
    jobs = ("ml_sample_data", "ml_training_pipeline", "ml_inference_pipeline")
    return {job: local_bundle.run(job) for job in jobs}


@pytest.fixture(scope="module")
def second(local_bundle, first):
    """The second, on the same data."""
    return {job: local_bundle.run(job) for job in ("ml_training_pipeline", "ml_inference_pipeline")}


def counts(local_bundle, models) -> dict[str, list[int]]:
    """Rows of gold and of predictions, and distinct keys among the latter, per model."""
    rows = {}
    for name, model in models.items():
        rows[name] = local_bundle.ask(f"""
            key = "{model["domain"]}_id"
            gold = spark.table("{local_bundle.gold}.{model["domain"]}").select(key).distinct().count()
            predictions = spark.table("{local_bundle.features}.{name}_predictions")
            keys = predictions.select(key).distinct().count()
            return [gold, predictions.where("prediction IS NOT NULL").count(), keys]
        """)
    return rows


def aliases(local_bundle, models) -> dict[str, dict]:
    return local_bundle.ask(f"""
        get_model = mlflow.MlflowClient().get_registered_model
        return {{name: get_model("{local_bundle.features}." + name).aliases for name in {list(models)}}}
    """)


def newest_run(local_bundle, model: str) -> dict:
    """The model's last run and what was logged with it.

    MLflow's own store gives datasets in no order, and links one twice if two runs log it at once.
    """
    return local_bundle.ask(f"""
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name("/Shared/{local_bundle.project}_ml_{model}")
        run = client.search_runs([experiment.experiment_id])[0]
        logged = client.search_logged_models([experiment.experiment_id])[0]
        info = mlflow.models.get_model_info(logged.model_uri)
        requirements = mlflow.pyfunc.get_model_dependencies(logged.model_uri)
        return dict(
            tags=run.data.tags, metrics=run.data.metrics, params=run.data.params,
            inputs=list(set(used.dataset.source for used in run.inputs.dataset_inputs)),
            linked=[[m.key, m.dataset_name] for m in logged.metrics],
            outputs=bool(info.signature.outputs), example=info.saved_input_example_info is not None,
            requirements=open(requirements).read().split(),
        )
    """)


def test_every_task_of_the_first_run_succeeds(first):
    statuses = {f"{run.key}.{task.key}": task.status for run in first.values() for task in run.tasks}
    assert set(statuses.values()) == {"SUCCESS"}, statuses


def test_every_model_scores_every_key(local_bundle, first, models):
    for name, (gold, predictions, keys) in counts(local_bundle, models).items():
        assert gold == predictions == keys > 0, name


def test_the_first_version_is_champion(local_bundle, first, models):
    assert aliases(local_bundle, models) == {name: {"champion": "1"} for name in models}


def test_predictions_name_the_version_that_made_them(local_bundle, first, models):
    for name in models:
        table = f"{local_bundle.features}.{name}_predictions"
        assert local_bundle.ask(f"spark.table('{table}').agg({{'model_version': 'max'}}).first()[0]") == 1


def test_runs_carry_tags_metrics_and_the_tables_they_read(local_bundle, first, models):
    metrics = {
        "regression": {"rmse", "mae", "r2"},
        "classification": {"roc_auc", "f1", "precision", "recall", "log_loss"},
        "anomaly": {"share_flagged", "score_mean", "score_spread"},
    }
    for name, model in models.items():
        run = newest_run(local_bundle, name)
        assert run["tags"]["project"] == local_bundle.project
        assert run["tags"]["model_name"] == name
        assert run["tags"]["domain"] == model["domain"]
        assert run["tags"]["algorithm"] == model["algorithm"]
        assert run["tags"]["promotion"] == "champion"
        assert set(run["metrics"]) == metrics[model["model_type"]]
        sources = [json.loads(source) for source in run["inputs"]]
        assert sorted(source["delta_table_name"] for source in sources) == sorted(
            [
                f"{local_bundle.gold}.{model['domain']}",
                f"{local_bundle.features}.{model['domain']}_features",
            ]
        )
        assert all(str(source["delta_table_version"]).isdigit() for source in sources)


def test_logged_models_show_metrics_dataset_signature_and_example(local_bundle, first, models):
    for name in models:
        run = newest_run(local_bundle, name)
        assert {key for key, _ in run["linked"]} == set(run["metrics"]), name
        assert all(dataset for _, dataset in run["linked"]), name
        assert run["outputs"] and run["example"], name


def test_a_model_asks_for_the_pins_it_was_trained_with(local_bundle, first, models):
    for name in models:
        asked = newest_run(local_bundle, name)["requirements"]
        ours = {pin for pin in asked if not pin.startswith("databricks-feature-lookup")}
        assert ours <= set(ENVIRONMENT["ml_dependencies"]["default"]), name
        assert any(pin.startswith("mlflow==") for pin in ours), name


def test_feature_tables_are_clean_and_have_no_label(local_bundle, first, models):
    for domain in {model["domain"] for model in models.values()}:
        columns = local_bundle.ask(f"spark.table('{local_bundle.features}.{domain}_features').dtypes")
        labels = {model["label"] for model in models.values() if model["domain"] == domain}
        assert not labels & {name for name, _ in columns}
        assert {kind for name, kind in columns if name != f"{domain}_id"} >= {"double", "string"}


def test_a_second_run_adds_versions_and_no_rows(local_bundle, first, models, second):
    for name, (gold, predictions, keys) in counts(local_bundle, models).items():
        assert gold == predictions == keys > 0, name
    assert all(task.status == "SUCCESS" for run in second.values() for task in run.tasks)


def test_sample_data_that_exist_are_kept(local_bundle, second):
    """In Spark sessions that made features before, too."""
    statuses = {task.key: task.status for task in local_bundle.run("ml_sample_data").tasks}
    assert set(statuses.values()) == {"SUCCESS"}, statuses


def test_a_version_that_is_not_better_becomes_challenger(local_bundle, models, second):
    assert aliases(local_bundle, models) == {name: {"champion": "1", "challenger": "2"} for name in models}


def test_a_better_version_becomes_champion(local_bundle, models, second):
    """The regression's or classification's champion is replaced by one that has learnt wrong labels."""
    name = next((name for name, model in models.items() if model["model_type"] != "anomaly"), None)
    if name is None:
        pytest.skip("no model with a label")
    path = local_bundle.root / models[name]["path"]
    notebook = path.read_text()
    registered = f"{local_bundle.features}.{name}"
    local_bundle.ask(f"mlflow.MlflowClient().delete_registered_model_alias('{registered}', 'champion')")
    shuffled = "        data.train[LABEL] = data.train[LABEL].sample(frac=1, random_state=0).to_numpy()\n"
    path.write_text(notebook.replace("        model = fit(", f"{shuffled}        model = fit("))
    assert path.read_text() != notebook
    assert not local_bundle.run("ml_training_pipeline", [f"train_{name}"]).failed
    path.write_text(notebook)
    assert not local_bundle.run("ml_training_pipeline", [f"train_{name}"]).failed
    assert aliases(local_bundle, [name])[name]["champion"] == "4"
    run = newest_run(local_bundle, name)
    assert run["tags"]["promotion"] == "champion"
    assert "version 3" in run["tags"]["promotion_reason"]
    assert any(metric.startswith("champion_") for metric in run["metrics"])


def test_one_broken_notebook_stops_no_other_and_fails_the_run(local_bundle, models, second):
    name = next(iter(models))
    path = local_bundle.root / models[name]["path"]
    notebook = path.read_text()
    path.write_text(notebook.replace("model = fit(data.train)", "raise ValueError('out of luck')"))
    assert path.read_text() != notebook
    run = local_bundle.run("ml_training_pipeline")
    path.write_text(notebook)
    statuses = {task.key: task.status for task in run.tasks}
    last = statuses.pop("pipeline_status")
    assert run.failed
    assert statuses.pop(f"train_{name}") == "FAILED: out of luck"
    assert set(statuses.values()) == {"SUCCESS"}
    assert f"train_{name}: FAILED: out of luck" in last
    log = (local_bundle.logs / "ml_training_pipeline.pipeline_status.log").read_text()
    assert re.search(rf'databricks jobs repair-run \d+ --json .*"train_{name}"', log)


def test_a_model_without_champion_is_skipped(local_bundle, models, second):
    name = next(iter(models))
    registered = f"{local_bundle.features}.{name}"
    champion = aliases(local_bundle, [name])[name]["champion"]
    local_bundle.ask(f"mlflow.MlflowClient().delete_registered_model_alias('{registered}', 'champion')")
    run = local_bundle.run("ml_inference_pipeline", [f"score_{name}"])
    set_alias = f"set_registered_model_alias('{registered}', 'champion', '{champion}')"
    local_bundle.ask(f"mlflow.MlflowClient().{set_alias}")
    assert [task.status for task in run.tasks] == ["SKIPPED: no champion yet"]
    assert not run.failed


def test_a_missing_gold_table_is_named(local_bundle, models, second):
    name, model = next(iter(models.items()))
    run = local_bundle.run("ml_training_pipeline", [f"train_{name}"], gold_schema="not_there")
    assert run.tasks[0].status.startswith("FAILED: ")
    assert f"`not_there`.`{model['domain']}`" in run.tasks[0].status


def test_a_domain_whose_features_fail_stops_no_model_of_another(local_bundle, models, second):
    """A key that occurs twice; the last test, since the gold table stays like that."""
    domain = next(iter(models.values()))["domain"]
    gold_table = f"{local_bundle.gold}.{domain}"
    local_bundle.sql(f"INSERT INTO {gold_table} SELECT * FROM {gold_table} LIMIT 1")
    for job, prefix in (("ml_training_pipeline", "train"), ("ml_inference_pipeline", "score")):
        run = local_bundle.run(job)
        statuses = {task.key: task.status for task in run.tasks}
        assert run.failed
        for name, model in models.items():
            status = statuses[f"{prefix}_{name}"]
            if model["domain"] == domain:
                assert status.startswith(f"FAILED: the features of {domain} were not refreshed, FAILED: ")
                assert "occurs more than once" in status
                assert f"{prefix}_{name}: {status}"[:60] in statuses["pipeline_status"]
            else:
                assert status == "SUCCESS"
