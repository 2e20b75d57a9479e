"""A rendered bundle as its owner gets it: it installs, passes its own tests, and runs."""

import os
import re
import shutil
import signal
import subprocess
import time

import owner_edits
import pytest
import yaml
from baking import render, run
from bundle_processes import processes
from models import MANY
from own_tables import one_setting

pytestmark = pytest.mark.spark
POISON = {
    "DATABRICKS_HOST": "https://poison.invalid",
    "DATABRICKS_TOKEN": "poison",
    "DATABRICKS_CONFIG_PROFILE": "poison",
    "DATABRICKS_CLUSTER_ID": "poison",
    "DATABRICKS_RUNTIME_VERSION": "17.3",
    "MLFLOW_TRACKING_URI": "https://poison.invalid",
    "MLFLOW_REGISTRY_URI": "https://poison.invalid",
    "MLFLOW_EXPERIMENT_NAME": "poison",
    "SPARK_REMOTE": "sc://poison.invalid",
    "SPARK_HOME": "/poison",
    "HTTP_PROXY": "http://poison.invalid:1",
    "http_proxy": "http://poison.invalid:1",
}


@pytest.fixture
def poisoned_home(tmp_path):
    """A home with the settings of a real workspace, and the caches of the real home."""
    home = tmp_path / "poisoned_home"
    home.mkdir()
    profile = "[DEFAULT]\nhost = https://poison.invalid\ntoken = poison\n"
    (home / ".databrickscfg").write_text(profile)
    (home / ".cache").mkdir()
    for cache in (".ivy2.5.2", ".cache/local_workspace"):
        (home / cache).symlink_to(os.path.expanduser(f"~/{cache}"))
    return home


@pytest.fixture
def committed(bake):
    """Render, commit, and clone the bundle, as its owner's colleagues get it."""

    def committed(**answers):
        bundle = bake(**answers)
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(bundle)]
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message=first"], check=True)
        clone = bundle.parent / "clone" / bundle.name
        subprocess.run(["git", "clone", "--quiet", bundle, clone], check=True)
        return clone

    return committed


def run_ci_steps(bundle, environment):
    """A pull request's steps as its GitHub file has them; the bundle's own tests are the last."""
    jobs = yaml.safe_load((bundle / ".github/workflows/ci.yml").read_text())["jobs"]
    commands = [step["run"] for step in jobs["test"]["steps"] if "run" in step]
    assert commands[-1] == "uv run pytest"
    for command in commands:
        done = subprocess.run(
            ["bash", "-e", "-c", command], cwd=bundle, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-5000:]}{done.stderr[-1000:]}"
    assert re.search(r"\d+ passed", done.stdout)


def test_after_all_edits_that_its_readme_invites_the_test_steps_of_its_ci_pass(committed, environment):
    bundle = committed(ci="github")
    for edits in owner_edits.EDITS.values():
        owner_edits.apply(bundle, edits)
    run_ci_steps(bundle, environment)


@pytest.fixture
def odd_folder(tmp_path):
    """Of 239 characters, among them a space, %20, ?, # and others that are not ASCII."""
    folder = tmp_path / "a b %20 ? # ü 日本 'quoted' $HOME"
    while len(str(folder)) < 224:
        folder = folder / "deeper"
    folder = folder / ("x" * max(1, 239 - len(str(folder)) - len("/")))
    folder.parent.mkdir(parents=True)
    return folder


def without_network(command):
    """In a network namespace that has nothing but a loopback device, if this machine lets a user make one."""
    alone = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c"]
    if subprocess.run([*alone, "ip link set lo up"], capture_output=True).returncode == 0:
        return [*alone, f"ip link set lo up && exec {command}"]
    return ["sh", "-c", command]


def test_25_models_in_5_domains_score_whatever_is_around_them(
    committed, environment, poisoned_home, odd_folder
):
    """In a folder of any name, without a network once its packages are there, and beside real settings."""
    bundle = committed(models=MANY, ci="none", monitoring="no")
    for notebook in bundle.glob("src/*/*/train_*.py"):
        code = one_setting(notebook.read_text("utf-8"))
        notebook.write_text(code.replace("range(200)", "range(20)"), "utf-8")
    bundle.parent.rename(odd_folder)
    bundle = odd_folder / bundle.name
    assert len(str(bundle)) == 250
    assert run(bundle, environment, "local-workspace", "check").returncode == 0
    everywhere = environment | POISON | {"HOME": str(poisoned_home)}
    rendered = set(os.listdir(bundle))
    command = without_network("uv run --offline local-workspace run")
    done = subprocess.run(command, cwd=bundle, env=everywhere, capture_output=True, text=True)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert "25 of 25 models scored" in printed
    assert "poison" not in printed
    for log in bundle.glob(".local_workspace/logs/*.log"):
        assert "poison.invalid" not in log.read_text(errors="replace"), log.name
    assert set(os.listdir(bundle)) == rendered | {".local_workspace"}
    assert (bundle / ".local_workspace/mlflow.db").exists()
    assert list((bundle / ".local_workspace/mlruns").glob("*/*/artifacts/holdout.png"))
    assert run(bundle, environment, "local-workspace", "reset").returncode == 0
    assert set(os.listdir(bundle)) == rendered
    assert len(os.listdir(odd_folder)) == 1


@pytest.fixture(scope="module")
def one_model(template, tmp_path_factory):
    """A bundle with one model, whose local workspace the tests below share."""
    answers = {"models": "ops/outage:anomaly:isolation_forest", "ci": "none"}
    return render(template, tmp_path_factory.mktemp("one"), **answers)


STOPS = {
    "three times Ctrl-C": [signal.SIGINT] * 3,
    "terminal closed": [signal.SIGHUP],
}


@pytest.mark.parametrize("stop", STOPS)
def test_a_run_that_is_stopped_leaves_no_process_and_the_next_starts(one_model, environment, stop):
    """Each is the next run of the one before."""
    command = [shutil.which("uv"), "run", "--quiet", "python", "-m", "local_workspace", "run"]
    pipe = subprocess.PIPE
    running = subprocess.Popen(
        command,
        cwd=one_model,
        env=environment,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
        # Tests that run in the background, or under nohup, ignore these signals, and so would this.
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in STOPS[stop]],
    )
    lines = []
    for line in running.stdout:
        lines.append(line.strip())
        if "ml_sample_data" in lines:
            break
    time.sleep(1)
    for number in STOPS[stop]:
        os.killpg(running.pid, number)
        time.sleep(0.2)
    rest, errors = running.communicate(timeout=60)
    assert "ml_sample_data" in lines, errors
    assert running.returncode != 0
    assert "Traceback" not in rest + errors
    if stop == "three times Ctrl-C":
        assert "Stopped." in errors
    deadline = time.monotonic() + 10
    while (left := processes(one_model)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
