"""Makes the pictures in .github/pictures again, from a run of the bundle that the default answers give.

uv run python tests/make_pictures.py

They are each model's pictures, as its run logged them, and the MLflow page of one run. It needs Chromium.
"""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cookiecutter.main import cookiecutter
from start import search_path

TEMPLATE = Path(__file__).resolve().parents[1]
PICTURES = TEMPLATE / ".github/pictures"
BROWSERS = ("chromium", "google-chrome", "chromium-browser")
SHOWN = "churn"  # the model whose run's page is taken
RUNS = """
SELECT value, experiment_id, run_uuid FROM tags JOIN runs USING (run_uuid)
WHERE key = 'model_name' AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = 'promotion')
"""  # of trainings, since monitoring has runs too


def find_browser() -> str:
    found = filter(None, map(shutil.which, BROWSERS))
    return next(found, None) or sys.exit(f"There is no {' or '.join(BROWSERS)} on the PATH.")


def render(folder: str) -> Path:
    settings = {"cookiecutters_dir": folder, "replay_dir": folder}
    return Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=folder, default_config=settings))


def run(bundle: Path) -> None:
    command = ["uv", "run", "--quiet", "local-workspace", "run"]
    if subprocess.run(command, cwd=bundle).returncode:
        sys.exit("The bundle's run failed; its output stands above.")


def copy_plots(bundle: Path) -> str:
    """Copies the plot of each model's run; returns where MLflow's pages have the run that is shown."""
    state = bundle / ".local_workspace"
    with closing(sqlite3.connect(state / "mlflow.db")) as database:
        runs = {model: (experiment, run) for model, experiment, run in database.execute(RUNS)}
    for model, (experiment, run) in runs.items():
        shutil.copyfile(state / f"mlruns/{experiment}/{run}/artifacts/holdout.png", PICTURES / f"{model}.png")
    experiment, run = runs[SHOWN]
    importance = state / f"mlruns/{experiment}/{run}/artifacts/importance.png"
    shutil.copyfile(importance, PICTURES / f"{SHOWN}_importance.png")
    return f"#/experiments/{experiment}/runs/{run}"


@contextmanager
def mlflow_server(bundle: Path) -> Iterator[str]:
    """The address of an MLflow server, on a free port, that shows what the bundle's run logged."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    store = "sqlite:///.local_workspace/mlflow.db"
    command = ["uv", "run", "--quiet", "mlflow", "server", "--workers=1", "--backend-store-uri", store]
    with open(bundle / "server.log", "w") as log:
        server = subprocess.Popen(
            [*command, f"--port={port}"], cwd=bundle, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def wait_for(address: str) -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    sys.exit(f"MLflow's server did not answer at {address} within a minute.")


def take(browser: str, address: str, picture: Path, profile: Path) -> None:
    """A picture of a page that has loaded: it is taken until two in a row are the same."""
    command = [
        browser,
        "--headless",
        "--no-sandbox",  # it refuses to start for root without; it opens our own page alone
        f"--user-data-dir={profile}",
        "--window-size=1400,1000",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
        "--virtual-time-budget=20000",
        f"--screenshot={picture}",
        address,
    ]
    before = None
    for _ in range(6):
        subprocess.run(command, stderr=subprocess.DEVNULL, check=True, timeout=120)
        if picture.read_bytes() == before:
            return
        before = picture.read_bytes()
    sys.exit(f"{address} looked different each time.")


def main() -> None:
    browser = find_browser()
    os.environ.pop("VIRTUAL_ENV", None)
    os.environ["PATH"] = search_path()
    os.environ |= {"LOGNAME": "you", "MLFLOW_DISABLE_TELEMETRY": "true"}  # MLflow shows who ran it
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        bundle = render(folder)
        run(bundle)
        page = copy_plots(bundle)
        with mlflow_server(bundle) as address:
            take(browser, address + page, PICTURES / "mlflow_run.png", Path(folder, "browser"))
    for picture in sorted(PICTURES.glob("*.png")):
        print(f"{picture.relative_to(TEMPLATE)}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
