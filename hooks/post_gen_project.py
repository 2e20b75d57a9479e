"""Write one notebook per model and the wheel of local_workspace; remove the files that are not used."""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, r"""<< origin.TEMPLATE >>""")
from hooks import lock, wheel  # noqa: E402

CI_FILES = {
    "github": ".github/workflows/ci.yml",
    "azure_devops": "azure-pipelines.yml",
    "gitlab": ".gitlab-ci.yml",
}
SOURCE = "src/<< cookiecutter.project >>_ml"
# % set pins = cookiecutter._pins[cookiecutter.environment_version]
# % set not_needed = pins | reject("in", pins | needed_by(cookiecutter.models | parse_models)) | join(" ")
NOT_NEEDED = "<< not_needed >>".split()

shutil.rmtree(f"{SOURCE}/train")  # what the notebooks were made of; a domain may have its name
with open(f"{SOURCE}/notebooks.txt", encoding="utf-8") as notebooks:
    for notebook in notebooks.read().split("\f")[1:]:
        name, text = notebook.split("\n", maxsplit=1)
        os.makedirs(os.path.dirname(f"{SOURCE}/{name}"), exist_ok=True)
        with open(f"{SOURCE}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
os.remove(f"{SOURCE}/notebooks.txt")

own = {"PROJECT": "<< cookiecutter.project >>_ml", "VERSION": wheel.version()}
own["SHA256"] = wheel.make(Path("packages"))
lock.write(Path("uv.lock"), own, NOT_NEEDED, "<< cookiecutter.environment_version >>")

for provider, name in CI_FILES.items():
    if provider != "<< cookiecutter.ci >>":
        os.remove(name)
        if folder := os.path.dirname(name):
            os.removedirs(folder)

if "<< cookiecutter.monitoring >>" == "no":
    shutil.rmtree(f"{SOURCE}/monitoring")
    os.remove("resources/ml/ml_monitoring_pipeline.yml")
