"""What the local workspace refuses because Databricks refuses it, and what it allows beside that."""

import json
from textwrap import dedent

import pytest
from local_workspace.notebooks.process import start_notebook

SERVERLESS = "[NOT_SUPPORTED_WITH_SERVERLESS] {} is not supported on serverless compute. SQLSTATE: 0A000"
STREAM = (
    "[INFINITE_STREAMING_TRIGGER_NOT_SUPPORTED] Trigger type ProcessingTime is not supported for this "
    "cluster type. Use a different trigger type e.g. AvailableNow, Once."
)
PATHS = "the local workspace has no volumes, DBFS or workspace files; keep data in tables, or"
NAME = "INVALID_PARAMETER_VALUE: Got an invalid experiment name 'churn'. An experiment name must be an"
NOT_PART = "is not part of the local workspace; "
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
    "spark.sql('/* why */ CACHE TABLE numbers')": SERVERLESS.format("CACHE TABLE"),
    "spark.sql('-- why\\n-- so\\nUNCACHE /* it */ TABLE numbers')": SERVERLESS.format("UNCACHE TABLE"),
    "spark.sql('/* why */ SET spark.sql.adaptive.enabled = false')": SETTING,
    "stream().start(folder)": STREAM,
    "stream().trigger(processingTime='1 second').toTable(name('streamed'))": STREAM,
    "stream().trigger(continuous='1 second').start(folder)": STREAM,
    "display(spark.readStream.table(name('numbers')))": STREAM,
    # paths of a workspace
    "spark.range(1).write.save('/Volumes/main/ml/files/numbers')": PATHS,
    "spark.range(1).write.option('path', 'dbfs:/numbers').saveAsTable(name('at_a_path'))": PATHS,
    "spark.read.parquet('file:///dbfs/numbers').count()": PATHS,
    "stream().option('checkpointLocation', '/Volumes/main/c').trigger(once=True).start(folder)": PATHS,
    "spark.sql(f\"CREATE TABLE {name('at_a_path')} (id INT) LOCATION '/Volumes/main/ml/files/t'\")": PATHS,
    "spark.sql('SELECT * FROM delta.`dbfs:/numbers`')": PATHS,
    "os.makedirs('/Volumes/main/ml/files')": PATHS,
    "pathlib.Path('/Workspace/Shared/notes.txt').write_text('x')": PATHS,
    "open(b'/dbfs/notes.txt', 'w')": PATHS,
    "shutil.copy(__import__('sys').executable, '/dbfs/python')": PATHS,
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
    "client.create_registered_model('spark_catalog.not_there.churn')": (
        "SCHEMA_DOES_NOT_EXIST: Schema 'spark_catalog.not_there' does not exist."
    ),
    "client.create_registered_model('main.ml.churn')": "Schema 'main.ml' does not exist.",
    "tag('reason', 'x ')": "Tag 'reason' is refused: a tag key or value has no space at its begin or end",
    "tag('reason', 'x' * 1001)": "a tag value has at most 1000 characters, not 1001",
    "tag('x' * 256, '')": "a tag key has 1 to 255 characters",
    "tag('a.b', '')": "a tag key has none of . , - = / :, but this one has .",
    "[tag(f'tag_{n}', '1') for n in range(51)]": "Tag 'tag_50' is refused: an object has at most 50 tags",
    "client.set_registered_model_tag(name('tagged'), 'reason', ' x')": "has no space at its begin or end",
    "client.get_model_version_by_alias(name('tagged'), 'champion')": "alias champion not found",
    # MLflow's experiments
    "mlflow.set_experiment('churn')": NAME,
    "mlflow.create_experiment('churn')": NAME,
    # a task of a job
    "task_values.get('earlier', 'not_set')": "ValueError: No task value with key 'not_set'",
    "task_values.get('no_such_task', 'status')": "ValueError: No task value with key 'status'",
    "task_values.get('earlier', 'not_set', default=None)": "ValueError: No task value with key 'not_set'",
    "task_values.set('long', 'x' * 48 * 1024)": "ValueError: Task value 'long' has 49154 bytes",
    "dbutils.widgets.get('not_given')": "InputWidgetNotDefined: No input widget named not_given is defined",
    "dbutils.fs.ls('/')": f"dbutils.fs {NOT_PART}keep data in tables",
    "dbutils.secrets.get('scope', 'key')": f"dbutils.secrets {NOT_PART}read an env",
    "dbutils.notebook.run('./other', 60)": f"dbutils.notebook.run {NOT_PART}make the",
    "dbutils.library.install('a')": f"dbutils.library.install {NOT_PART}list packages",
    "dbutils.credentials.showRoles()": f"dbutils.credentials {NOT_PART}do without it",
    "dbutils.data.summarize(spark.range(1))": f"dbutils.data {NOT_PART}print df.summary",
    "dbutils.widgets.remove('given')": f"dbutils.widgets.remove {NOT_PART}",
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
    "tag('tag_1', 'x' * 1000)": None,
    "aliased()": [{}, "1"],
    "copied()": ["1", "copied", [0.0]],
    "mlflow.set_experiment('/Shared/refused').name": "/Shared/refused",
    "stream().trigger(availableNow=True).start(folder).awaitTermination()": None,
    "pathlib.Path(folder, 'notes.txt').write_text('x')": 1,
    "spark.sql('-- CACHE TABLE numbers\\nSELECT 1').first()[0]": 1,
    "spark.sql(\"SELECT '/Volumes/a' AS path, '-- b' AS text\").first().path": "/Volumes/a",
    "keyed().properties['unity_catalog.primary_key'], keyed().properties['mine']": ["id", "1"],
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
import os
import pathlib
import shutil
import tempfile

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
folder = tempfile.mkdtemp()


def name(model):
    return f"{dbutils.widgets.get('schema')}.{model}"


def register(signature, to="refused"):
    model = DummyRegressor().fit([[0.0]], [0.0])
    arguments = {"signature": signature, "pip_requirements": ["scikit-learn"]}
    with mlflow.start_run():
        return mlflow.sklearn.log_model(model, name="m", registered_model_name=name(to), **arguments)


def tag(key, value):
    client.set_model_version_tag(name("tagged"), "1", key, value)


def aliased():
    client.set_registered_model_alias(name("tagged"), "tried", "1")
    model = client.get_registered_model(name("tagged"))
    return [model.aliases, client.get_model_version_by_alias(model.name, "tried").version]


def copied():
    register(ModelSignature(inputs=schema, outputs=schema))
    copy = client.copy_model_version(f"models:/{name('refused')}/1", name("copied"))
    model = mlflow.pyfunc.load_model(f"models:/{name('copied')}/{copy.version}")
    return [copy.version, copy.name.split(".")[2], model.predict([[3.0]]).tolist()]


def keyed():
    spark.sql(f'''CREATE TABLE IF NOT EXISTS {name("keyed")} (id INT NOT NULL, CONSTRAINT k PRIMARY KEY (id))
        TBLPROPERTIES ('mine' = '1')''')
    return spark.sql(f"DESCRIBE DETAIL {name('keyed')}").first()


def stream():
    return spark.readStream.table(name("numbers")).writeStream.option("checkpointLocation", folder + "/c")


def outcome(tried):
    try:
        return {"value": eval(tried)}
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}"}


spark.sql(f"CREATE SCHEMA IF NOT EXISTS {dbutils.widgets.get('schema')}")
spark.range(1).write.saveAsTable(name("numbers"))
register(ModelSignature(inputs=schema, outputs=schema), "tagged")
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
    task = start_notebook(local_bundle, notebook, parameters, values, log)
    result = task.result.recv()
    local_bundle.end(task)
    assert result["error"] is None, log.read_text()
    return json.loads(result["exit"])


@pytest.mark.parametrize("tried", REFUSED)
def test_refused(outcomes, tried):
    assert REFUSED[tried] in outcomes[tried].get("error", "it was allowed")


@pytest.mark.parametrize("tried", ALLOWED)
def test_allowed(outcomes, tried):
    assert outcomes[tried] == {"value": ALLOWED[tried]}
