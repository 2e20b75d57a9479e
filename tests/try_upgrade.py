"""Upgrades bundles of earlier commits to the newest commit here, as their owners would, and runs them on.

uv run python tests/try_upgrade.py             of the last release, and of the last commit without a wheel
uv run python tests/try_upgrade.py COMMIT ...  of others

Each time it renders the default bundle at that commit, makes some edits of an owner, runs the whole path,
and upgrades the bundle by its own command. Then the champions of then score, new versions are trained beside
them, the champions of now score, and the bundle's tests run. It prints how each task ended and what became of
each version. The exit code is 1 if a file not in KNOWN is in conflict, an edit is lost, a test fails,
a model that had scored does not score in the end, or the bundle has more of us than the wheel.
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
RELEASE_0_1_0 = "243fe90032505eff3c3ef8c7a5281c526f880186"  # which has no tag
BEFORE_THE_WHEEL = "0cfec397e8168b13f63fa3fd21184b0304ae6154"
EDITS = [  # a file, what stands there, what its owner writes
    ("src/my_project_ml/sales/train_revenue.py", "HOLDOUT_SHARE = 0.2", "HOLDOUT_SHARE = 0.3"),
    ("resources/ml/ml_training_pipeline.yml", "0 0 3 ? * SUN", "0 30 4 ? * SUN"),
    ("databricks.yml", "ml-team@example.com", "night-shift@example.com"),
]
KNOWN = {RELEASE_0_1_0: ["databricks.yml"]}  # in conflict: new variables stand right below the edited line
OWN_TEST = "tests/test_own.py"
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


def render(folder: Path, version: str) -> Path:
    """The default bundle of a commit with its owner's edits, in a git repository of its own."""
    config = folder / "config.yml"
    config.write_text(f"cookiecutters_dir: {folder}/clones\nreplay_dir: {folder}/replay\n")
    source = [f"git+file://{TEMPLATE}", f"--checkout={version}", f"--config-file={config}"]
    call(folder, sys.executable, "-m", "cookiecutter", *source, "--no-input")
    bundle = folder / "my_project"
    call(bundle, "git", "init", "--quiet")
    commit(bundle, "rendered")
    make_edits(bundle, EDITS)
    (bundle / OWN_TEST).write_text("def test_own():\n    assert 1 + 1 == 2\n")
    commit(bundle, "edited")
    return bundle


def make_edits(bundle: Path, edits: list[tuple[str, str, str]]) -> None:
    for name, old, new in edits:
        text = (bundle / name).read_text()
        assert old in text, f"{name} has no {old!r}: correct this edit"
        (bundle / name).write_text(text.replace(old, new))


def lost_edits(bundle: Path) -> list[str]:
    return [name for name, _, new in EDITS if new not in (bundle / name).read_text()]


def run(bundle: Path, *job: str) -> dict[str, str]:
    """Runs a job, or the whole path, and shows it; the status by the task's key."""
    command = ["uv", "run", "--quiet", "--locked", "python", "-m", "local_workspace", "run", *job]
    print(f"\n== {' '.join(job) or 'the whole path'}", flush=True)
    done = subprocess.run(command, cwd=bundle, capture_output=True, text=True)
    print(done.stdout + done.stderr, flush=True)
    return {found[1]: found[2] for found in re.finditer(r"^ +(\w+) +[\d.]+ s  (.*)", done.stdout, re.M)}


def scored(statuses: dict[str, str]) -> set[str]:
    found = [key for key, status in statuses.items() if status.startswith("SUCCESS")]
    return {key for key in found if key.startswith("score_")}


def show_promotions(bundle: Path) -> None:
    with closing(sqlite3.connect(bundle / ".local_workspace/mlflow.db")) as database:
        for name, version, key, value in database.execute(PROMOTIONS):
            print(f"{name} {version} {key}: {value}")


def upgrade(bundle: Path, version: str) -> list[str]:
    """By the bundle's own command, which was a script before the wheel; the files that were in conflict.

    Of these the owner takes what the template has, and makes the edits once more.
    """
    script = ["upgrade.py"] if (bundle / "upgrade.py").exists() else ["local-workspace", "upgrade"]
    command = ["uv", "run", "--quiet", *script, f"version={version}"]
    done = subprocess.run(command, cwd=bundle, capture_output=True, text=True)
    print(done.stdout + done.stderr, flush=True)
    conflicts = call(bundle, "git", "diff", "--name-only", "--diff-filter=U").splitlines()
    if done.returncode and not conflicts:
        sys.exit("The upgrade failed; see above.")
    for name in conflicts:
        call(bundle, "git", "checkout", "--theirs", name)
        make_edits(bundle, [edit for edit in EDITS if edit[0] == name])
    return conflicts


def is_well(version: str) -> bool:
    """Whether a bundle of a commit lives on."""
    newest = call(TEMPLATE, "git", "rev-parse", "HEAD")
    with tempfile.TemporaryDirectory() as folder:
        bundle = render(Path(folder), version)
        before = scored(run(bundle))
        conflicts = upgrade(bundle, newest)
        commit(bundle, "upgraded")
        run(bundle, "ml_inference_pipeline")
        run(bundle, "ml_training_pipeline")
        after = scored(run(bundle, "ml_inference_pipeline"))
        show_promotions(bundle)
        tests = subprocess.run(["uv", "run", "--quiet", "--locked", "pytest", "-q"], cwd=bundle)
        lost, tracked = lost_edits(bundle), call(bundle, "git", "ls-files").splitlines()
    ours = [name for name in tracked if name.startswith(("local_workspace/", "packages/", "upgrade.py"))]
    print(f"{version}, in conflict: {conflicts or 'nothing'}; edits lost: {lost or 'none'}")
    print(f"scored before: {', '.join(sorted(before))}; in the end: {', '.join(sorted(after))}; ours: {ours}")
    lives_on = bool(before) and before <= after and not lost and tests.returncode == 0
    has_wheel_alone = [name.partition("/")[0] for name in ours] == ["packages"]
    return lives_on and has_wheel_alone and conflicts == KNOWN.get(version, [])


def main() -> int:
    os.environ["PATH"] = search_path()
    os.environ.pop("VIRTUAL_ENV", None)
    versions = sys.argv[1:] or [RELEASE_0_1_0, BEFORE_THE_WHEEL]
    return 0 if all([is_well(version) for version in versions]) else 1


if __name__ == "__main__":
    sys.exit(main())
