"""Write one notebook per model, and remove the files that this project does not use."""

import os
import shutil

CI_FILES = {
    "github": ".github/workflows/ci.yml",
    "azure_devops": "azure-pipelines.yml",
    "gitlab": ".gitlab-ci.yml",
}
SOURCE = "src/<< cookiecutter.project >>_ml"

shutil.rmtree(f"{SOURCE}/train")  # what the notebooks were made of; a domain may have its name
with open(f"{SOURCE}/notebooks.txt", encoding="utf-8") as notebooks:
    for notebook in notebooks.read().split("\f")[1:]:
        name, text = notebook.split("\n", maxsplit=1)
        os.makedirs(os.path.dirname(f"{SOURCE}/{name}"), exist_ok=True)
        with open(f"{SOURCE}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
os.remove(f"{SOURCE}/notebooks.txt")

with open("uv.lock", encoding="utf-8") as lock:  # too long to be worth rendering for one name
    text = lock.read()
with open("uv.lock", "w", encoding="utf-8") as lock:
    lock.write(text.replace("PROJECT_ml", "<< cookiecutter.project >>_ml"))

for provider, name in CI_FILES.items():
    if provider != "<< cookiecutter.ci >>":
        os.remove(name)
        if folder := os.path.dirname(name):
            os.removedirs(folder)
