"""Write one notebook per model and the wheel of local_workspace; remove the files that are not used."""

import os
import sys
from pathlib import Path

sys.path.insert(0, r"""<< origin.TEMPLATE >>""")
from hooks import wheel  # noqa: E402

CI_FILES = {
    "github": ".github/workflows/ci.yml",
    "azure_devops": "azure-pipelines.yml",
    "gitlab": ".gitlab-ci.yml",
}
SOURCE = "src/<< cookiecutter.project >>_ml"

with open(f"{SOURCE}/notebooks.txt", encoding="utf-8") as notebooks:
    for notebook in notebooks.read().split("\f")[1:]:
        name, text = notebook.split("\n", maxsplit=1)
        os.makedirs(os.path.dirname(f"{SOURCE}/{name}"), exist_ok=True)
        with open(f"{SOURCE}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
os.remove(f"{SOURCE}/notebooks.txt")
os.remove(f"{SOURCE}/train_model.py")

lock = Path("uv.lock")  # too long to be worth rendering for three words
text = lock.read_text("utf-8").replace("PROJECT_ml", "<< cookiecutter.project >>_ml")
text = text.replace("LOCAL_WORKSPACE_SHA256", wheel.make(Path("packages")))
lock.write_text(text.replace("LOCAL_WORKSPACE_VERSION", wheel.version()), "utf-8")

for provider, name in CI_FILES.items():
    if provider != "<< cookiecutter.ci >>":
        os.remove(name)
        if folder := os.path.dirname(name):
            os.removedirs(folder)
