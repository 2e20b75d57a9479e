"""Renders the template as its users do, and runs commands in what it rendered."""

import shutil
import subprocess
import sys
from pathlib import Path

from cookiecutter.main import cookiecutter

REPOSITORY = Path(__file__).resolve().parents[1]


def copy_template(folder: Path) -> Path:
    """Copies what git would hand out, so no empty folder, and what is not committed yet."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    return folder


def render(template: Path, folder: Path, **answers: str) -> Path:
    """A bundle of some answers and the defaults of the others; cookiecutter keeps out of the home."""
    home = {"cookiecutters_dir": f"{folder}/home/clones", "replay_dir": f"{folder}/home/replay"}
    project = cookiecutter(
        str(template), no_input=True, extra_context=answers, output_dir=str(folder), default_config=home
    )
    return Path(project)


def render_apart(template: Path, folder: Path, **answers: str) -> Path:
    """The same in a process of its own: in this one the algorithms of the template are known already."""
    home = folder / "config.yml"
    home.write_text(f"cookiecutters_dir: {folder}/home/clones\nreplay_dir: {folder}/home/replay\n")
    given = [f"{question}={answer}" for question, answer in answers.items()]
    command = [sys.executable, "-m", "cookiecutter", "--no-input", f"--config-file={home}", template, *given]
    subprocess.run(command, cwd=folder, check=True)
    return folder / answers.get("project", "my_project")


def add_algorithm(template: Path, folder: Path) -> Path:
    """A copy of the template with scikit-learn's extra trees, by one file more."""
    copy = shutil.copytree(template, folder / "template")
    algorithms = next(copy.glob("<<*/src/*/train/algorithms"))
    text = (algorithms / "random_forest.py").read_text("utf-8").replace("RandomForest", "ExtraTrees")
    (algorithms / "extra_trees.py").write_text(text, "utf-8")
    return copy


def run(bundle: Path, environment: dict, *command: str) -> subprocess.CompletedProcess:
    """As its owner runs it, by uv with the locked packages."""
    return subprocess.run(
        [sys.executable, "-m", "uv", "run", "--quiet", "--locked", *command],
        cwd=bundle,
        env=environment,
        capture_output=True,
        text=True,
    )
