"""What `local-workspace check` costs a bundle of 25 models: the whole command, many times.

uv run python tests/benchmark_check.py
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from cookiecutter.main import cookiecutter

ROUNDS = 15
TEMPLATE = Path(__file__).resolve().parents[1]
TYPES = ("regression:xgboost", "classification:gradient_boosting", "anomaly:isolation_forest")


def seconds(bundle: Path) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "local_workspace", "check"], cwd=bundle, check=True)
    return time.perf_counter() - begin


def main() -> None:
    models = ", ".join(f"domain_{n % 5}/model_{n}:{TYPES[n % 3]}" for n in range(25))
    with tempfile.TemporaryDirectory() as folder:
        home = {"cookiecutters_dir": f"{folder}/clones", "replay_dir": f"{folder}/replay"}
        answers = {"models": models}
        bundle = cookiecutter(
            str(TEMPLATE), no_input=True, extra_context=answers, output_dir=folder, default_config=home
        )
        times = [seconds(Path(bundle)) for _ in range(ROUNDS)]
    print(f"25 models: best {min(times):.2f} s, median {median(times):.2f} s")


if __name__ == "__main__":
    main()
