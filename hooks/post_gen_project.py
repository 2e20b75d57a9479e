"""Write one notebook per model, and remove the files that this project does not use."""

import os

for name, text in << cookiecutter | notebooks >>.items():
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "w", encoding="utf-8") as notebook:
        notebook.write(text)
os.remove("src/<< cookiecutter.project >>_ml/train_model.py")

with open("uv.lock", encoding="utf-8") as lock:  # too long to be worth rendering for one name
    text = lock.read()
with open("uv.lock", "w", encoding="utf-8") as lock:
    lock.write(text.replace("PROJECT_ml", "<< cookiecutter.project >>_ml"))

ci_files = {
    "github": ".github/workflows/ci.yml",
    "azure_devops": "azure-pipelines.yml",
    "gitlab": ".gitlab-ci.yml",
}
for provider, name in ci_files.items():
    if provider != "<< cookiecutter.ci >>":
        os.remove(name)
        if folder := os.path.dirname(name):
            os.removedirs(folder)
