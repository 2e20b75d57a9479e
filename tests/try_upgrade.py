"""Upgrades a bundle of the last release to the newest commit here, as its owner would, and runs it on.

uv run python tests/try_upgrade.py

It renders the default bundle at the last release, runs its whole path, and upgrades it by its own
upgrade.py. Then the champions of the release score, new versions are trained beside them, and the champions
of then score. It prints how each task ended and what became of each version. The exit code is 1 if a file is
in conflict, or a model that the release had scored does not score in the end.
"""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from start import search_path

TEMPLATE = Path(__file__).resolve().parents[1]
LAST_RELEASE = "243fe90032505eff3c3ef8c7a5281c526f880186"  # 0.1.0, which has no tag
PROMOTIONS = """
SELECT name, version, key, value FROM model_version_tags WHERE key LIKE 'promotion%'
ORDER BY name, CAST(version AS INTEGER), key
"""


def call(folder: Path, *command: str) -> str:
    """What a command prints; ends this script where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def commit(bundle: Path, message: str) -> None:
    author = ("-c", "user.name=owner", "-c", "user.email=owner@example.com")
    call(bundle, "git", "add", "--all")
    call(bundle, "git", *author, "commit", "--quiet", f"--message={message}")


def render(folder: Path) -> Path:
    """The default bundle of the last release, in a git repository of its own."""
    config = folder / "config.yml"
    config.write_text(f"cookiecutters_dir: {folder}/clones\nreplay_dir: {folder}/replay\n")
    source = [f"git+file://{TEMPLATE}", f"--checkout={LAST_RELEASE}", f"--config-file={config}"]
    call(folder, sys.executable, "-m", "cookiecutter", *source, "--no-input")
    bundle = folder / "my_project"
    call(bundle, "git", "init", "--quiet")
    commit(bundle, "release")
    return bundle


def run(bundle: Path, *job: str) -> dict[str, str]:
    """Runs a job, or the whole path, and shows it; the status by the task's key."""
    command = ["uv", "run", "--quiet", "--locked", "python", "-m", "local_workspace", "run", *job]
    print(f"\n== {' '.join(job) or 'the whole path'}", flush=True)
    done = subprocess.run(command, cwd=bundle, capture_output=True, text=True)
    print(done.stdout + done.stderr, flush=True)
    return {found[1]: found[2] for found in re.finditer(r"^ +(\w+) +[\d.]+ s  (.*)", done.stdout, re.M)}


def scored(statuses: dict[str, str]) -> set[str]:
    return {key for key, status in statuses.items() if key.startswith("score_") and status == "SUCCESS"}


def show_promotions(bundle: Path) -> None:
    with closing(sqlite3.connect(bundle / ".local_workspace/mlflow.db")) as database:
        for name, version, key, value in database.execute(PROMOTIONS):
            print(f"{name} {version} {key}: {value}")


def main() -> int:
    os.environ["PATH"] = search_path()
    os.environ.pop("VIRTUAL_ENV", None)
    newest = call(TEMPLATE, "git", "rev-parse", "HEAD")
    with tempfile.TemporaryDirectory() as folder:
        bundle = render(Path(folder))
        before = scored(run(bundle))
        print(call(bundle, "uv", "run", "--quiet", "upgrade.py", f"version={newest}"))
        conflicts = call(bundle, "git", "diff", "--name-only", "--diff-filter=U")
        commit(bundle, "upgraded")
        run(bundle, "ml_inference_pipeline")
        run(bundle, "ml_training_pipeline")
        after = scored(run(bundle, "ml_inference_pipeline"))
        show_promotions(bundle)
    print(f"in conflict: {conflicts or 'nothing'}")
    print(f"scored by the release: {', '.join(sorted(before))}; in the end: {', '.join(sorted(after))}")
    return 0 if before and before <= after and not conflicts else 1


if __name__ == "__main__":
    sys.exit(main())
