"""What the local workspace refuses because Databricks refuses it, and what it allows beside that."""

import json
from textwrap import dedent

import pytest

SERVERLESS = "[NOT_SUPPORTED_WITH_SERVERLESS] {} is not supported on serverless compute. SQLSTATE: 0A000"
SETTING = "[CONFIG_NOT_AVAILABLE] Configuration spark.sql.adaptive.enabled is not available. SQLSTATE: 42K0I"
FILTER = "Unsupported filter query : `{}`. Please specify your filter parameter in the format "
UNSUPPORTED = "is unsupported for models in the Unity Catalog"

# What is tried -> the sentence it is refused with.
REFUSED = {
    # a serverless session
    "spark.range(1).cache()": SERVERLESS.format("PERSIST TABLE"),
    "spark.range(1).persist()": SERVERLESS.format("PERSIST TABLE"),
    "spark.range(1).unpersist()": SERVERLESS.format("PERSIST TABLE"),
    "spark.catalog.cacheTable('numbers')": SERVERLESS.format("CACHE TABLE"),
    "spark.catalog.uncacheTable('numbers')": SERVERLESS.format("UNCACHE TABLE"),
    "spark.catalog.clearCache()": SERVERLESS.format("CLEAR CACHE"),
    "spark.sql('CACHE TABLE numbers')": SERVERLESS.format("CACHE TABLE"),
    "spark.sql('cache lazy table numbers')": SERVERLESS.format("CACHE TABLE"),
    "spark.sql('UNCACHE TABLE numbers')": SERVERLESS.format("UNCACHE TABLE"),
    "spark.sql('CLEAR CACHE')": SERVERLESS.format("CLEAR CACHE"),
    "spark.sql('REFRESH TABLE numbers')": SERVERLESS.format("REFRESH TABLE"),
    "spark.range(1).createGlobalTempView('mine')": SERVERLESS.format("GLOBAL TEMPORARY VIEW"),
    "spark.range(1).createOrReplaceGlobalTempView('mine')": SERVERLESS.format("GLOBAL TEMPORARY VIEW"),
    "spark.sql('CREATE GLOBAL TEMPORARY VIEW mine AS SELECT 1')": SERVERLESS.format("GLOBAL TEMPORARY VIEW"),
    "spark.sql('create or replace global temp view mine as select 1')": SERVERLESS.format(
        "GLOBAL TEMPORARY VIEW"
    ),
    "spark.range(1).rdd": "[NOT_IMPLEMENTED] rdd is not implemented",
    "spark.sparkContext": "[JVM_ATTRIBUTE_NOT_SUPPORTED]",
    "spark.conf.set('spark.sql.adaptive.enabled', 'false')": SETTING,
    "spark.sql('SET spark.sql.adaptive.enabled = false')": SETTING,
    # Unity Catalog's model registry
    "client.create_registered_model(name('Churn'))": "is not a valid name for a model in Unity Catalog",
    "client.create_registered_model('churn')": "is not a valid name for a model in Unity Catalog",
    "register(None)": "Model passed for registration did not contain any signature metadata",
    "register(ModelSignature(inputs=schema))": "contained a signature that includes only inputs",
    "client.search_model_versions(f\"name='{name('a')}'\", order_by=['version_number DESC'])": (
        f"Argument 'order_by' {UNSUPPORTED}"
    ),
    "client.search_model_versions()": "Missing filter: please specify a filter parameter in the format",
    "client.search_model_versions(\"name='a' and run_id='0'\")": FILTER.format("name='a' and run_id='0'"),
    "client.search_model_versions(\"alias='champion'\")": FILTER.format("alias='champion'"),
    "client.search_registered_models(\"name='a.b.c'\")": f"Argument 'filter_string' {UNSUPPORTED}",
    "client.transition_model_version_stage(name('refused'), '1', 'Production')": (
        f"Method 'transition_model_version_stage' {UNSUPPORTED}"
    ),
    "client.get_latest_versions(name('refused'))": f"Method 'get_latest_versions' {UNSUPPORTED}",
    # a task of a job
    "task_values.get('earlier', 'not_set')": "ValueError: No task value with key 'not_set'",
    "task_values.get('no_such_task', 'status')": "ValueError: No task value with key 'status'",
    "task_values.get('earlier', 'not_set', default=None)": "ValueError: No task value with key 'not_set'",
    "task_values.set('long', 'x' * 48 * 1024)": "ValueError: Task value 'long' has 49154 bytes",
    "dbutils.widgets.get('not_given')": "InputWidgetNotDefined: No input widget named not_given is defined",
    "importlib.import_module('src')": "ModuleNotFoundError: No module named 'src'",
    "importlib.import_module('helpers')": "ModuleNotFoundError: No module named 'helpers'",
    "open('databricks.yml')": "FileNotFoundError",
}

# What is tried -> what comes of it.
ALLOWED = {
    "spark.conf.set('spark.sql.shuffle.partitions', '2')": None,
    "spark.sql('SET spark.sql.session.timeZone = UTC').first().value": "UTC",
    "spark.range(1).createOrReplaceTempView('mine')": None,
    "spark.range(3).where(functions.col('id') > 0).collect()[0].id": 1,
    "spark.sql(\"SELECT 'CACHE TABLE numbers'\").first()[0]": "CACHE TABLE numbers",
    "register(ModelSignature(inputs=schema, outputs=schema)).registered_model_version": "1",
    "len(client.search_model_versions(f\"name = '{name('a')}'\"))": 0,
    "task_values.get('earlier', 'status')": "SUCCESS",
    "task_values.get('earlier', 'not_set', default='')": "",
    "task_values.set('short', 'x' * 47 * 1024)": None,
    "dbutils.widgets.get('given')": "1",
}

NOTEBOOK = """
# Databricks notebook source
import importlib
import json

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from pyspark.sql import functions
from sklearn.dummy import DummyRegressor

mlflow.set_registry_uri("databricks-uc")
mlflow.set_experiment("/Shared/refused")
client = mlflow.MlflowClient()
task_values = dbutils.jobs.taskValues
schema = Schema([ColSpec("double")])
spark.range(1).createOrReplaceTempView("numbers")


def name(model):
    return f"{dbutils.widgets.get('schema')}.{model}"


def register(signature):
    model = DummyRegressor().fit([[0.0]], [0.0])
    arguments = {"signature": signature, "pip_requirements": ["scikit-learn"]}
    with mlflow.start_run():
        return mlflow.sklearn.log_model(model, name="m", registered_model_name=name("refused"), **arguments)


def outcome(tried):
    try:
        return {"value": eval(tried)}
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}"}


tried = json.loads(dbutils.widgets.get("tried"))
dbutils.notebook.exit(json.dumps({code: outcome(code) for code in tried}, default=str))
"""


@pytest.fixture(scope="module")
def outcomes(local_bundle) -> dict[str, dict]:
    """What came of each row, all of them tried by one notebook."""
    folder = local_bundle.root / "src" / "refused"
    folder.mkdir()
    (folder / "helpers.py").touch()
    notebook = folder / "refused.py"
    notebook.write_text(dedent(NOTEBOOK).lstrip())
    parameters = {"given": "1", "schema": local_bundle.features, "tried": json.dumps([*REFUSED, *ALLOWED])}
    log = local_bundle.logs / "refused.log"
    values = {"earlier": {"status": "SUCCESS"}}
    task = local_bundle.start_notebook(notebook, parameters, values, log)
    result = task.result.recv()
    local_bundle.end_notebook(task)
    assert result["error"] is None, log.read_text()
    return json.loads(result["exit"])


@pytest.mark.parametrize("tried", REFUSED)
def test_refused(outcomes, tried):
    assert REFUSED[tried] in outcomes[tried].get("error", "it was allowed")


@pytest.mark.parametrize("tried", ALLOWED)
def test_allowed(outcomes, tried):
    assert outcomes[tried] == {"value": ALLOWED[tried]}
