"""The common errors of MLflow experiments: the wrong pattern shows each, this bundle's notebooks do not.

Not here, because only Databricks shows them: an experiment under /Users, whose parent directory does not
exist, and the [dev username] prefix of an experiment that a bundle defines.
"""

import json

import pytest

WRONG = """
# Databricks notebook source
import json

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.dummy import DummyRegressor

mlflow.set_registry_uri("databricks-uc")
mlflow.autolog(disable=True)
client = mlflow.MlflowClient()
frame = pd.DataFrame({"x": [0.0, 1.0]})
dataset = mlflow.data.from_pandas(frame, name="gold")


def log_model():
    model = DummyRegressor().fit(frame, frame.x)
    signature = infer_signature(frame, model.predict(frame))
    return mlflow.sklearn.log_model(
        model, name="model", signature=signature, pip_requirements=["scikit-learn"]
    ).model_id


def inputs(run):
    return [used.dataset.name for used in client.get_run(run.info.run_id).inputs.dataset_inputs]


def linked(model_id):
    metrics = mlflow.get_logged_model(model_id).metrics or []
    return [[metric.key, metric.dataset_name] for metric in metrics]


def swallowed_set_up():
    '''An experiment that cannot be used; the helper prints that and goes on.'''
    client.delete_experiment(client.create_experiment("/Shared/deleted_ml_{model}"))
    try:
        mlflow.set_experiment("/Shared/deleted_ml_{model}")
    except Exception as error:
        print(error)
    with mlflow.start_run() as run:
        return client.get_experiment(run.info.experiment_id).name


def dataset_outside():
    '''The dataset logged before the run: it gets a run of its own.'''
    mlflow.log_input(dataset)
    other = mlflow.active_run()
    mlflow.end_run()
    with mlflow.start_run() as run:
        return {"other": inputs(other), "run": inputs(run)}


def metrics_before_model():
    with mlflow.start_run():
        mlflow.log_input(dataset)
        mlflow.log_metrics({"rmse": 1.0})
        return linked(log_model())


def metrics_without_model():
    with mlflow.start_run():
        mlflow.log_input(dataset)
        model_id = log_model()
        mlflow.log_metrics({"rmse": 1.0})
        return linked(model_id)


def metrics_without_dataset():
    with mlflow.start_run():
        mlflow.log_input(dataset)
        model_id = log_model()
        mlflow.log_metrics({"rmse": 1.0}, model_id=model_id)
        return linked(model_id)


def imported(statement):
    try:
        exec(statement)
    except ImportError as error:
        return f"{type(error).__name__}: {error}"


shown = {"swallowed_set_up": swallowed_set_up()}
mlflow.set_experiment("/Shared/wrong")
for pattern in (dataset_outside, metrics_before_model, metrics_without_model, metrics_without_dataset):
    shown[pattern.__name__] = pattern()
for statement in (
    "from src.helpers import setup_mlflow_experiment",
    "from helpers import setup_mlflow_experiment",
    "from .helpers import setup_mlflow_experiment",
):
    shown[statement] = imported(statement)
dbutils.notebook.exit(json.dumps(shown))
"""


@pytest.fixture(scope="module")
def wrong(local_bundle, models) -> dict:
    """What each wrong pattern leads to, shown by one notebook."""
    folder = local_bundle.root / "src" / "wrong"
    folder.mkdir()
    (folder / "helpers.py").write_text("def setup_mlflow_experiment(model_name): ...\n")
    notebook = folder / "wrong.py"
    notebook.write_text(WRONG.lstrip().replace("{model}", next(iter(models))))
    result = local_bundle.run_notebook("src/wrong/wrong.py")
    assert result["error"] is None
    return json.loads(result["exit"])


@pytest.fixture(scope="module")
def ours(local_bundle, models, wrong) -> dict:
    """A model trained by its own notebook; then with an experiment that cannot be used."""
    name, model = next(iter(models.items()))
    schemas = {"gold_schema": "errors_gold", "feature_schema": "errors_ml"}
    for job, task in (("ml_sample_data", "sample"), ("ml_training_pipeline", "features")):
        assert not local_bundle.run(job, [f"{task}_{model['domain']}"], **schemas).failed
    statuses = {}
    for project in ("errors", "deleted"):
        run = local_bundle.run("ml_training_pipeline", [f"train_{name}"], **schemas, project=project)
        statuses[project] = run.tasks[0].status
    shown = local_bundle.ask(f"""
        client = mlflow.MlflowClient()
        experiment = client.get_experiment_by_name("/Shared/errors_ml_{name}")
        run = client.search_runs([experiment.experiment_id])[0]
        model = client.search_logged_models([experiment.experiment_id])[0]
        in_default = client.search_runs(["0"], filter_string="tags.model_name = '{name}'")
        return dict(
            inputs=len(run.inputs.dataset_inputs),
            metrics=list(run.data.metrics),
            linked=[[metric.key, metric.dataset_name] for metric in model.metrics or []],
            in_default=len(in_default),
        )
    """)
    return shown | {"statuses": statuses}


def test_a_run_is_in_its_experiment_or_fails(wrong, ours):
    assert wrong["swallowed_set_up"] == "Default"
    assert ours["statuses"]["errors"] == "SUCCESS"
    assert ours["statuses"]["deleted"].startswith("FAILED: Cannot set a deleted experiment")
    assert ours["in_default"] == 0


def test_datasets_are_logged_to_the_run(wrong, ours):
    assert wrong["dataset_outside"] == {"other": ["gold"], "run": []}
    assert ours["inputs"] == 2  # the gold table and the feature table


@pytest.mark.parametrize(
    ("pattern", "linked"),
    [
        ("metrics_before_model", [[["rmse", None]]]),
        ("metrics_without_model", [[], [["rmse", None]]]),  # by MLflow 3.7, by newer ones
        ("metrics_without_dataset", [[["rmse", None]]]),
    ],
)
def test_the_dataset_is_in_the_logged_model_view(wrong, ours, pattern, linked):
    assert wrong[pattern] in linked
    assert {metric for metric, dataset in ours["linked"] if dataset} == set(ours["metrics"])


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("from src.helpers import setup_mlflow_experiment", "ModuleNotFoundError: No module named 'src'"),
        ("from helpers import setup_mlflow_experiment", "ModuleNotFoundError: No module named 'helpers'"),
        ("from .helpers import setup_mlflow_experiment", "ImportError: attempted relative import"),
    ],
)
def test_helpers_need_no_import(wrong, ours, statement, error):
    assert wrong[statement].startswith(error)
    assert ours["statuses"]["errors"] == "SUCCESS"
