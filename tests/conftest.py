"""A copy of the template as its users get it, and a way to render it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from start import search_path

os.environ["PATH"] = search_path()  # bundles need Python 3.12, this template does not
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Copy what git would hand out, so no empty folder, and what is not committed yet."""
    copy = tmp_path_factory.mktemp("template") / "template"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, copy / name)
    return copy


@pytest.fixture
def home(tmp_path):
    """Where cookiecutter keeps clones and replay files, in place of the developer's own home."""
    folder = tmp_path / "home"
    return {"cookiecutters_dir": str(folder / "clones"), "replay_dir": str(folder / "replay")}


@pytest.fixture
def bake(template, tmp_path, home):
    """Render the template with some answers and the defaults of the others; return the project."""

    def bake(**answers):
        project = cookiecutter(
            str(template),
            no_input=True,
            extra_context=answers,
            output_dir=str(tmp_path),
            default_config=home,
        )
        return Path(project)

    return bake


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """What bundles run in: the user's own, with one set of installed packages for all of them."""
    packages = tmp_path_factory.mktemp("packages") / ".venv"
    own = {
        name: value
        for name, value in os.environ.items()
        if name != "VIRTUAL_ENV" and not name.startswith("PYTEST_")
    }
    return {**own, "UV_PROJECT_ENVIRONMENT": str(packages)}


def run(bundle, environment, *command):
    return subprocess.run(
        [shutil.which("uv"), "run", "--quiet", "--locked", *command],
        cwd=bundle,
        env=environment,
        capture_output=True,
        text=True,
    )


def run_template_tests(folder, least, bundle, environment):
    """Runs a folder of tests/bundle in a bundle; fails with what the tests print, or if too few pass."""
    shutil.copytree(REPOSITORY / "tests/bundle", bundle / "template_tests")
    done = run(bundle, environment, "pytest", "--durations=15", f"template_tests/{folder}")
    assert done.returncode == 0, done.stdout[-10000:] + done.stderr[-1000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= least
