"""A copy of the template as its users get it, a way to render it, and what bundles run in."""

import os
import sys

import pytest
from baking import copy_template, render
from schedule import pytest_collection_modifyitems, pytest_xdist_make_scheduler  # noqa: F401
from start import search_path

os.environ["PATH"] = search_path()  # bundles need Python 3.12, which pyenv may have
os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for a busy core make trainings slow
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each process compiles all its libraries anew
sys.dont_write_bytecode = False


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    return copy_template(tmp_path_factory.mktemp("template") / "template")


@pytest.fixture
def home(tmp_path):
    """Where cookiecutter keeps clones and replay files, in place of the developer's own home."""
    folder = tmp_path / "home"
    return {"cookiecutters_dir": str(folder / "clones"), "replay_dir": str(folder / "replay")}


@pytest.fixture
def bake(template, tmp_path):
    """Render the template with some answers and the defaults of the others; return the project."""
    return lambda **answers: render(template, tmp_path, **answers)


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
