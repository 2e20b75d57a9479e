"""What 25 models cost on this machine: the whole path, its memory, then each of 10 models by itself.

uv run python tests/benchmark_run.py          once
uv run python tests/benchmark_run.py 5        the whole path five times
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cookiecutter.main import cookiecutter
from models import MANY
from process_memory import KINDS, Watch
from start import search_path

TEMPLATE = Path(__file__).resolve().parents[1]
ALONE = """
from pathlib import Path
from statistics import median
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

bundle = Bundle(Path.cwd(), "dev")
if __name__ == "__main__":
    with Workspace(Path.cwd()) as workspace:
        jobs = Jobs(bundle, workspace, Report(open("alone.txt", "w")))
        for job, prefix in (("ml_training_pipeline", "train_"), ("ml_inference_pipeline", "score_")):
            keys = [task["task_key"] for task in bundle.jobs[job]["tasks"]]
            chosen = [key for key in keys if key.startswith(prefix)][:11]
            seconds = [jobs.run(job, [key]).tasks[0].seconds for key in chosen][1:]
            print(f"{prefix}... alone, the first left out: median {median(seconds):.1f} s,"
                  f" {min(seconds):.1f} to {max(seconds):.1f}")
"""


def run(bundle: Path, *command: str) -> list[tuple[float, str]]:
    """Each line that the command prints, and when."""
    process = subprocess.Popen(
        ["uv", "run", "--quiet", "python", *command], cwd=bundle, stdout=subprocess.PIPE, text=True
    )
    printed = [(time.monotonic(), line.strip()) for line in process.stdout]
    if process.wait():
        sys.exit("\n".join(line for _, line in printed))
    return printed


def whole_path(bundle: Path) -> None:
    run(bundle, "-m", "local_workspace", "reset")
    with Watch(os.getpid()) as watch:
        printed = run(bundle, "-m", "local_workspace", "run")
    print(", ".join(line for _, line in printed if line.endswith(("seconds in all", "models scored"))))
    for prefix in ("train_", "score_"):
        times = [when for when, line in printed if line.startswith(prefix)]
        each = (times[-1] - times[1]) / (len(times) - 2)
        print(f"{prefix}... two at a time, the first two left out: {each:.1f} s each")
    seen = watch.seen
    quarters = [seen[len(seen) * n // 4 : len(seen) * (n + 1) // 4] for n in range(4)]
    for kind in KINDS:
        peaks = [max(each[kind] for each in quarter) for quarter in quarters]
        print(f"memory of {kind}, its peak in each quarter of the run: {peaks} MB", flush=True)


def main() -> None:
    os.environ.pop("VIRTUAL_ENV", None)
    os.environ["PATH"] = search_path()
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(
            cookiecutter(
                str(TEMPLATE),
                no_input=True,
                extra_context={"models": MANY},
                output_dir=folder,
                default_config={"cookiecutters_dir": folder, "replay_dir": folder},
            )
        )
        run(bundle, "-c", "import mlflow, pyspark")  # installs, and compiles what is slow to load
        for _ in range(int(sys.argv[1]) if sys.argv[1:] else 1):
            whole_path(bundle)
        Path(bundle, "alone.py").write_text(ALONE)
        for _, line in run(bundle, "alone.py"):
            print(line)


if __name__ == "__main__":
    main()
