"""How time and memory grow with the rows: features, trainings, scoring, monitoring, one by one.

uv run python tests/benchmark_growth.py                      20,000, 200,000 and 2,000,000 rows
uv run python tests/benchmark_growth.py 20000 200000         these

Spark makes a gold table of 30 features. Each task runs alone, in a workspace that has warmed up. A model
scores rows that are all new, then the same again, then rows whose predictions have all changed; beside it
stands a notebook that reads, joins and predicts, and writes nothing. Peak memory is the resident memory of
the task's own process, of Spark's largest Python worker, and of Spark itself. It prints a table, and draws
.github/pictures/growth.png.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cookiecutter.main import cookiecutter
from process_memory import KINDS, Watch
from start import search_path

TEMPLATE = Path(__file__).resolve().parents[1]
PICTURE = TEMPLATE / ".github/pictures/growth.png"
SIZES = [20_000, 200_000, 2_000_000]
ALGORITHMS = {
    "by_xgboost": "regression:xgboost",
    "by_boosting": "regression:gradient_boosting",
    "by_spark": "regression:spark_xgboost",
    "by_forest": "anomaly:isolation_forest",
}
GOLD = """# Databricks notebook source
from pyspark.sql import functions as F

names = ("catalog", "gold_schema", "feature_schema", "domain")
catalog, gold_schema, feature_schema, domain = map(dbutils.widgets.get, names)
for schema in (gold_schema, feature_schema):
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{schema}")
rows = spark.range(ROWS).withColumnRenamed("id", f"{domain}_id")
rows = rows.withColumns({f"feature_{n}": F.rand(n) for n in range(30)})
label = sum(F.col(f"feature_{n}") * n for n in range(5)) + F.randn(30)
rows = rows.withColumns({name: label for name in ("by_xgboost", "by_boosting", "by_spark")})
rows.write.mode("overwrite").saveAsTable(f"{catalog}.{gold_schema}.{domain}")
dbutils.jobs.taskValues.set(key="status", value="SUCCESS")
dbutils.notebook.exit("SUCCESS")
"""
CHANGE = """# Databricks notebook source
names = ("catalog", "feature_schema")
catalog, feature_schema = map(dbutils.widgets.get, names)
spark.sql(f"UPDATE {catalog}.{feature_schema}.by_xgboost_predictions SET prediction = prediction + 1")
dbutils.jobs.taskValues.set(key="status", value="SUCCESS")
dbutils.notebook.exit("SUCCESS")
"""
PREDICT = """# Databricks notebook source
import mlflow
from databricks.feature_engineering import FeatureEngineeringClient

names = ("catalog", "gold_schema", "feature_schema")
catalog, gold_schema, feature_schema = map(dbutils.widgets.get, names)
mlflow.set_registry_uri("databricks-uc")
model = f"{catalog}.{feature_schema}.by_xgboost"
version = mlflow.MlflowClient().get_model_version_by_alias(model, "champion").version
scored = FeatureEngineeringClient().score_batch(
    model_uri=f"models:/{model}/{version}",
    df=spark.table(f"{catalog}.{gold_schema}.big").select("big_id"),
    result_type="double",
)
scored.select("big_id", "prediction").write.format("noop").mode("overwrite").save()
dbutils.jobs.taskValues.set(key="status", value="SUCCESS")
dbutils.notebook.exit("SUCCESS")
"""
JOB = """
resources:
  jobs:
    growth:
      parameters:
        - {name: catalog, default: "${var.catalog}"}
        - {name: gold_schema, default: "${var.gold_schema}"}
        - {name: feature_schema, default: "${var.feature_schema}"}
      environments:
        - environment_key: default
          spec: {environment_version: "${var.environment_version}", dependencies: "${var.ml_dependencies}"}
      tasks:
        - {task_key: change, environment_key: default, notebook_task: {notebook_path: ../../change.py}}
        - {task_key: predict, environment_key: default, notebook_task: {notebook_path: ../../predict.py}}
"""
ALONE = """
from pathlib import Path
from local_workspace.bundle.bundle import Bundle
from local_workspace.jobs.report import Report
from local_workspace.jobs.runs import Jobs
from local_workspace.workspace.started import Workspace

TASKS = [  # job, task, what it is called in the table: nothing where it warms up, or prepares
    ("ml_sample_data", "sample_big", ""),
    ("ml_training_pipeline", "features_big", "features, all rows new"),
    ("ml_training_pipeline", "features_big", "features once more"),
    ("ml_training_pipeline", "train_by_forest", "training by isolation_forest"),
    ("ml_training_pipeline", "train_by_boosting", "training by gradient_boosting"),
    ("ml_training_pipeline", "train_by_xgboost", "training by xgboost"),
    ("ml_training_pipeline", "train_by_spark", "training by spark_xgboost"),
    ("growth", "predict", ""),
    ("growth", "predict", "reading, joining and predicting"),
    ("ml_inference_pipeline", "score_by_xgboost", "scoring, all rows new"),
    ("ml_inference_pipeline", "score_by_xgboost", "scoring once more"),
    ("ml_monitoring_pipeline", "monitor_by_xgboost", "monitoring"),
    ("ml_monitoring_pipeline", "monitor_by_xgboost", "monitoring once more"),
    ("growth", "change", ""),
    ("ml_inference_pipeline", "score_by_xgboost", "scoring, all predictions changed"),
]
if __name__ == "__main__":
    bundle = Bundle(Path.cwd(), "dev")
    with Workspace(Path.cwd()) as workspace:
        jobs = Jobs(bundle, workspace, Report(open("alone.txt", "w")))
        for job, key, name in TASKS:
            print("begin|", flush=True)
            (task,) = jobs.run(job, [key]).tasks
            print("end", name, f"{task.seconds:.1f}", task.status, sep="|", flush=True)
"""
PLOT = """
import json, sys
from matplotlib.figure import Figure

found = json.loads(sys.argv[1])
rows, names = [each["rows"] for each in found], list(found[0]["tasks"])
figure = Figure(figsize=(12, 5), layout="constrained")
for axes, what in zip(figure.subplots(1, 2), ("seconds", "a task"), strict=True):
    for name in names:
        values = [each["tasks"][name][what] for each in found]
        axes.plot(rows, values, "o-" if "training" in name else "o:", label=name)
    axes.set(xscale="log", yscale="log", xlabel="rows of 30 features")
figure.axes[0].plot(rows, [10 * n / rows[-1] for n in rows], "k--", label="as fast as the rows")
figure.axes[0].set(title="time of a task", ylabel="seconds")
figure.axes[1].set(title="peak memory of the task's own process", ylabel="MB")
figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper")
figure.savefig(sys.argv[2])
"""


def make_bundle(folder: str) -> Path:
    bundle = cookiecutter(
        str(TEMPLATE),
        no_input=True,
        extra_context={"models": ", ".join(f"big/{name}:{kind}" for name, kind in ALGORITHMS.items())},
        output_dir=folder,
        default_config={"cookiecutters_dir": folder, "replay_dir": folder},
    )
    files = {"alone.py": ALONE, "change.py": CHANGE, "predict.py": PREDICT, "resources/ml/growth.yml": JOB}
    for name, text in files.items():
        Path(bundle, name).write_text(text)
    return Path(bundle)


def python(bundle: Path, *command: str) -> subprocess.Popen:
    command = ["uv", "run", "--quiet", "--locked", "python", *command]
    return subprocess.Popen(command, cwd=bundle, stdout=subprocess.PIPE, text=True)


def measure(bundle: Path, rows: int) -> dict[str, dict]:
    """Seconds and peaks of each task with a gold table of so many rows."""
    (notebook,) = bundle.glob("src/*/create_sample_data.py")
    notebook.write_text(GOLD.replace("ROWS", str(rows)))
    python(bundle, "-m", "local_workspace", "reset", "--yes").wait()
    process, found = python(bundle, "alone.py"), {}
    for line in process.stdout:
        if line.startswith("begin|"):
            with Watch(process.pid) as watch:
                line = next(process.stdout, "")
            if not line:
                break
            _, name, seconds, status = line.rstrip().split("|")
            if status != "SUCCESS":
                sys.exit(f"{name}: {status}")
            print(f"{rows:>9} {name:<32} {seconds:>7} s  {watch.peaks()}", flush=True)
            if name:
                found[name] = {"seconds": float(seconds), **watch.peaks()}
    if process.wait():
        sys.exit("The run failed; see above.")
    return found


def main() -> None:
    os.environ["PATH"] = search_path()
    os.environ.pop("VIRTUAL_ENV", None)
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(folder)
        found = [{"rows": rows, "tasks": measure(bundle, rows)} for rows in sizes]
        python(bundle, "-c", PLOT, json.dumps(found), str(PICTURE)).wait()
    print(f"\n| task | {' | '.join(f'{rows:,} rows' for rows in sizes)} |\n|---|{'---|' * len(sizes)}")
    for task in found[0]["tasks"]:
        cells = [each["tasks"][task] for each in found]
        shown = [f"{c['seconds']:.0f} s; {', '.join(str(c[kind]) for kind in KINDS)}" for c in cells]
        print(f"| {task} | {' | '.join(shown)} |")
    print(f"\nSeconds; peak MB of {', '.join(KINDS)}. {time.monotonic() - begin:.0f} s in all.")


if __name__ == "__main__":
    main()
