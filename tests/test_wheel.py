"""The wheel of local_workspace that a bundle gets."""

import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
import yaml
from baking import REPOSITORY, render
from cookiecutter.main import cookiecutter


def wheel_of(bundle):
    (wheel,) = (bundle / "packages").iterdir()
    return wheel


def test_two_renderings_give_the_same_bytes_and_so_does_the_command(template, tmp_path):
    bundles = [render(template, tmp_path / name) for name in ("first", "second")]
    made = tmp_path / "made"
    command = [sys.executable, str(template / "hooks/wheel.py"), str(made)]
    subprocess.run(command, check=True, capture_output=True)
    contents = {wheel.name: wheel.read_bytes() for wheel in map(wheel_of, bundles)}
    (name,) = contents
    assert all(wheel_of(bundle).read_bytes() == (made / name).read_bytes() for bundle in bundles)


def test_another_content_has_another_version(template, tmp_path):
    copy = shutil.copytree(template, tmp_path / "template")
    command = [sys.executable, "hooks/wheel.py", str(tmp_path / "made")]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    readme, error = (
        copy / "local_workspace" / name for name in ("README.md", "src/local_workspace/errors.py")
    )
    for file in (readme, error):
        file.write_text(f"{file.read_text()}\n# changed\n")
        subprocess.run(command, cwd=copy, check=True, capture_output=True)
    assert len(list((tmp_path / "made").iterdir())) == 3


def test_its_files_are_whole_and_its_readme_and_licence_are_in_it(bake):
    with zipfile.ZipFile(wheel_of(bake())) as wheel:
        assert wheel.testzip() is None
        names = wheel.namelist()
        (metadata,) = [wheel.read(name).decode() for name in names if name.endswith("/METADATA")]
    source = REPOSITORY / "local_workspace/src"
    listed = subprocess.run(["git", "ls-files"], cwd=source, capture_output=True, text=True, check=True)
    assert set(listed.stdout.splitlines()) == {name for name in names if ".dist-info/" not in name}
    assert not [name for name in names if "__pycache__" in name or "test" in name.split("/")[-2]]
    assert (REPOSITORY / "local_workspace/README.md").read_text() in metadata
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_its_dependencies_are_named_once_and_the_bundle_names_its_own_alone(bake):
    bundle = bake()
    project = tomllib.loads((bundle / "pyproject.toml").read_text())
    pins = yaml.safe_load((bundle / "resources/ml/ml_environment.yml").read_text())
    asked, installed = project["project"]["dependencies"], pins["variables"]["ml_dependencies"]["default"]
    assert asked == installed[: len(asked)]  # what these bring follows


@pytest.fixture
def lock_check():
    """Whether uv takes the lock of a bundle as it is; it needs the package index only where it does not."""

    def lock_check(bundle):
        command = [sys.executable, "-m", "uv", "lock", "--check"]
        return subprocess.run(command, cwd=bundle, capture_output=True, text=True)

    return lock_check


def git_repository(template, folder):
    copy = shutil.copytree(template, folder / "templates/ml")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (["init", "--quiet"], ["add", "--all"], [*author, "commit", "--quiet", "-m", "first"]):
        subprocess.run(["git", *command], cwd=copy.parent, check=True)
    return {"template": f"git+file://{copy.parent}", "directory": "ml"}


def zip_file(template, folder):
    return {"template": shutil.make_archive(folder / "template", "zip", template.parent, template.name)}


SOURCES = {
    "a folder": lambda template, folder: {"template": str(template)},
    "a folder of a git repository": git_repository,
    "a zip": zip_file,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"project": "numpy", "models": "a/b:anomaly:isolation_forest", "environment_version": "5"},
        {"environment_version": "6"},
    ],
    ids=["default answers", "other answers", "the newest environment"],
)
def test_the_lock_has_it_wherever_the_template_came_from(template, tmp_path, lock_check, source, answers):
    home = {"cookiecutters_dir": str(tmp_path / "clones"), "replay_dir": str(tmp_path / "replay")}
    bundle = cookiecutter(
        **SOURCES[source](template, tmp_path),
        no_input=True,
        extra_context=answers,
        output_dir=str(tmp_path / "another repository"),
        default_config=home,
    )
    done = lock_check(bundle)
    assert done.returncode == 0, done.stderr
