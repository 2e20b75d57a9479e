"""How time and memory grow with the rows: features, each algorithm's training, and scoring, one at a time.

uv run python tests/benchmark_growth.py                      20,000, 200,000 and 2,000,000 rows
uv run python tests/benchmark_growth.py 20000 200000         these

Spark makes a gold table of 30 features. Each task runs alone; the first of each job, which warms Spark up, is
run twice and counted once. Peak memory is the resident memory of the task's own process, of Spark's largest
Python worker, and of Spark itself. It prints a table, and draws .github/pictures/growth.png.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmark_run import PROCESSES
from cookiecutter.main import cookiecutter
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
ALONE = """
import sys
from pathlib import Path
from local_workspace.bundle import Bundle
from local_workspace.jobs import Jobs
from local_workspace.report import Report
from local_workspace.workspace import Workspace

MODELS = ["by_xgboost", "by_boosting", "by_spark", "by_forest"]
TASKS = [("ml_sample_data", "sample_big"), ("ml_training_pipeline", "features_big")]
TASKS += [("ml_training_pipeline", "features_big")]
TASKS += [("ml_training_pipeline", f"train_{name}") for name in MODELS]
TASKS += [("ml_inference_pipeline", f"score_{name}") for name in [MODELS[0], *MODELS]]
if __name__ == "__main__":
    bundle = Bundle(Path.cwd(), "dev")
    with Workspace(Path.cwd()) as workspace:
        jobs = Jobs(bundle, workspace, Report(open("alone.txt", "w")))
        for job, key in TASKS:
            print("begin", key, flush=True)
            (task,) = jobs.run(job, [key]).tasks
            print("end", key, f"{task.seconds:.1f}", task.status, flush=True)
"""
PLOT = """
import json, sys
from matplotlib.figure import Figure

found = json.loads(sys.argv[1])
figure = Figure(figsize=(11, 5), layout="constrained")
for axes, what, unit in zip(figure.subplots(1, 2), ("seconds", "a task"), ("s", "MB"), strict=True):
    for task in found[0]["tasks"]:
        axes.plot([f["rows"] for f in found], [f["tasks"][task][what] for f in found], marker="o", label=task)
    axes.set(xscale="log", yscale="log", xlabel="rows", ylabel=unit)
    axes.set_title("time" if what == "seconds" else "peak memory of the task's own process")
figure.axes[0].legend()
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
    Path(bundle, "alone.py").write_text(ALONE)
    return Path(bundle)


def python(bundle: Path, *command: str) -> subprocess.Popen:
    command = ["uv", "run", "--quiet", "--locked", "python", *command]
    return subprocess.Popen(command, cwd=bundle, stdout=subprocess.PIPE, text=True)


def watch(root: int, peaks: dict[str, int], ended: threading.Event) -> None:
    """Keeps the largest resident memory of each kind of process below `root`, in MB, until `ended`."""
    command = ["ps", "-eo", "pid=,ppid=,rss=,args="]
    while not ended.wait(0.2):
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        processes = {int(pid): rest for pid, *rest in (line.split(maxsplit=3) for line in shown)}
        ours = {root}
        for _ in range(10):  # generations
            ours |= {pid for pid, (parent, *_) in processes.items() if int(parent) in ours}
        for _, size, words in (processes[pid] for pid in ours if pid in processes):
            for kind, word in PROCESSES.items():
                if word in words:
                    peaks[kind] = max(peaks.get(kind, 0), int(size) // 1024)


def measure(bundle: Path, rows: int) -> dict[str, dict]:
    """Seconds and peaks of each task with a gold table of so many rows."""
    (notebook,) = bundle.glob("src/*/create_sample_data.py")
    notebook.write_text(GOLD.replace("ROWS", str(rows)))
    python(bundle, "-m", "local_workspace", "reset").wait()
    process, found = python(bundle, "alone.py"), {}
    for line in process.stdout:
        word, task, *rest = [*line.split(maxsplit=3), "", ""]
        if word == "begin":
            peaks, ended = {}, threading.Event()
            watcher = threading.Thread(target=watch, args=(process.pid, peaks, ended), daemon=True)
            watcher.start()
        elif word == "end":
            ended.set()
            watcher.join()
            seconds, status, *_ = rest
            if status.strip() != "SUCCESS":
                sys.exit(f"{task}: {status}")
            found[task] = {"seconds": float(seconds), **peaks}
            print(f"{rows:>9} {task:<18} {seconds:>7} s  {peaks}", flush=True)
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
        shown = [
            f"{c['seconds']:.0f} s; {', '.join(str(c.get(kind, 0)) for kind in PROCESSES)}" for c in cells
        ]
        print(f"| {task} | {' | '.join(shown)} |")
    print(f"\nSeconds; peak MB of {', '.join(PROCESSES)}. {time.monotonic() - begin:.0f} s in all.")


if __name__ == "__main__":
    main()
