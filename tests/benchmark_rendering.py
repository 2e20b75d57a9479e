"""What rendering costs: an empty template, this one with 1 model, with 25; by turns, many times.

uv run python tests/benchmark_rendering.py
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROUNDS = 40
TEMPLATE = Path(__file__).resolve().parents[1]
COOKIECUTTER = [sys.executable, "-m", "cookiecutter", "--no-input"]


def empty_template(folder: Path) -> Path:
    """One question, one file, no hook."""
    (folder / "{{cookiecutter.project}}").mkdir(parents=True)
    (folder / "{{cookiecutter.project}}" / "README.md").touch()
    (folder / "cookiecutter.json").write_text(json.dumps({"project": "my_project"}))
    return folder


def models(count: int) -> str:
    types = ["regression:xgboost", "classification:gradient_boosting", "anomaly:isolation_forest"]
    return "models=" + ", ".join(f"domain_{n % 5}/model_{n}:{types[n % 3]}" for n in range(count))


def seconds(output: Path, *arguments: str) -> float:
    begin = time.perf_counter()
    subprocess.run([*COOKIECUTTER, "--output-dir", output, *arguments], check=True)
    elapsed = time.perf_counter() - begin
    shutil.rmtree(output / "my_project")
    return elapsed


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        variants = {
            "empty template": [str(empty_template(Path(folder, "empty")))],
            "1 model": [str(TEMPLATE), models(1)],
            "25 models": [str(TEMPLATE), models(25)],
        }
        rounds = [
            {name: seconds(Path(folder), *arguments) for name, arguments in variants.items()}
            for _ in range(ROUNDS)
        ]
    best = {name: min(each[name] for each in rounds) for name in variants}
    for name, value in best.items():
        ratio = median(each[name] / each["empty template"] for each in rounds)
        print(
            f"{name:<15} best {1000 * value:4.0f} ms, {value / best['empty template']:.2f} times empty;"
            f" median of ratios {ratio:.2f}"
        )
    print(f"each further model {1000 * (best['25 models'] - best['1 model']) / 24:.1f} ms")


if __name__ == "__main__":
    main()
