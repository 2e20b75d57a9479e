"""This template beside an earlier commit of it, by turns: whole commands, in seconds; then what `up` gives.

uv run python tests/benchmark_against.py COMMIT          three turns
uv run python tests/benchmark_against.py COMMIT 5        five
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from cookiecutter.main import cookiecutter
from models import MANY
from start import search_path

TEMPLATE = Path(__file__).resolve().parents[1]
THREE = (
    "sales/revenue:regression:xgboost, sales/churn:classification:gradient_boosting, "
    "ops/outliers:anomaly:isolation_forest"
)
ARCHIVE_SECONDS = 150  # in which a first run's class archive is made
SCORINGS = """
from pathlib import Path
try:
    from local_workspace.bundle.bundle import Bundle
    from local_workspace.jobs.report import Report
    from local_workspace.jobs.runs import Jobs
    from local_workspace.workspace.started import Workspace
except ImportError:  # a commit in which it had no rooms
    from local_workspace.bundle import Bundle
    from local_workspace.jobs import Jobs
    from local_workspace.report import Report
    from local_workspace.workspace import Workspace

if __name__ == "__main__":
    with Workspace(Path.cwd()) as workspace:
        jobs = Jobs(Bundle(Path.cwd(), "dev"), workspace, Report(open("scorings.txt", "w")))
        jobs.run("ml_inference_pipeline", ["features_sales"])
        for _ in range(3):
            (task,) = jobs.run("ml_inference_pipeline", ["score_revenue"]).tasks
            print(f"{task.seconds:.1f}", flush=True)
"""


def bake(template: Path, folder: Path, models: str) -> Path:
    baked = cookiecutter(
        str(template),
        no_input=True,
        extra_context={"models": models},
        output_dir=str(folder),
        default_config={"cookiecutters_dir": str(folder), "replay_dir": str(folder)},
    )
    run(Path(baked), "-c", "import mlflow, pyspark")  # installs, and compiles what is slow to load
    return Path(baked)


def run(bundle: Path, *command: str) -> tuple[float, str]:
    """How long a command takes, and what it prints."""
    begin = time.monotonic()
    done = subprocess.run(
        ["uv", "run", "--quiet", "python", *command], cwd=bundle, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(f"{bundle}: {' '.join(command)}\n{done.stdout}")
    return time.monotonic() - begin, done.stdout


def whole_path(bundle: Path) -> float:
    run(bundle, "-m", "local_workspace", "reset")
    seconds, printed = run(bundle, "-m", "local_workspace", "run")
    (scored,) = [line for line in printed.splitlines() if line.endswith("models scored")]
    print(f"    {seconds:.1f} s, {scored}", flush=True)
    return seconds


def by_turns(what: str, turns: int, before: Path, now: Path, measure: object) -> None:
    print(what, flush=True)
    found = [(measure(before), measure(now)) for _ in range(turns)]
    for name, seconds in zip(("before", "now"), zip(*found, strict=True), strict=True):
        print(f"  {name}: {', '.join(f'{s:.1f}' for s in seconds)} s")
    ratios = [new / old for old, new in found]
    print(f"  ratios {', '.join(f'{r:.2f}' for r in ratios)}; median {median(ratios):.2f}", flush=True)


def through_up(bundle: Path) -> None:
    process = subprocess.Popen(
        ["uv", "run", "--quiet", "python", "-m", "local_workspace", "up"],
        cwd=bundle,
        stdout=subprocess.PIPE,
        text=True,
    )
    begin = time.monotonic()
    while not process.stdout.readline().startswith("Ready"):
        pass
    print(f"up is ready after {time.monotonic() - begin:.1f} s")
    train = ["-m", "local_workspace", "run", "ml_training_pipeline", "--task", "train_revenue"]
    sql = ["-m", "local_workspace", "sql", "SELECT count(*) FROM dev.gold.sales"]
    for name, command in (("sql", sql), ("one training", train), ("sql", sql), ("one training", train)):
        seconds = [run(bundle, *command)[0] for _ in range(3)]
        print(f"{name} through up: {', '.join(f'{s:.1f}' for s in seconds)} s", flush=True)
    process.terminate()
    process.wait()


def main() -> None:
    if not sys.argv[1:]:
        sys.exit(__doc__)
    commit, turns = sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else 3
    os.environ.pop("VIRTUAL_ENV", None)
    os.environ["PATH"] = search_path()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["git", "clone", "--quiet", TEMPLATE, folder / "template"], check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=folder / "template", check=True)
        templates = {"before": folder / "template", "now": TEMPLATE}
        three = [bake(t, folder / f"{name}_3", THREE) for name, t in templates.items()]
        many = [bake(t, folder / f"{name}_25", MANY) for name, t in templates.items()]
        for bundle in three:
            whole_path(bundle)
        time.sleep(ARCHIVE_SECONDS)
        by_turns("whole path of three models", turns, *three, whole_path)
        small = ["-m", "local_workspace", "run", "ml_sample_data"]
        by_turns("one small job, whose tables exist", turns, *three, lambda bundle: run(bundle, *small)[0])
        for bundle in three:
            (bundle / "scorings.py").write_text(SCORINGS)
            print(f"scorings of one session, one after another: {run(bundle, 'scorings.py')[1].split()} s")
        through_up(three[1])
        by_turns("whole path of 25 models", turns, *many, whole_path)


if __name__ == "__main__":
    main()
