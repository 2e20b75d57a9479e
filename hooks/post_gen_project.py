"""Write one notebook per model, and remove the files that this project does not use."""

import os
import re
import shutil

CI_FILES = {
    "github": ".github/workflows/ci.yml",
    "azure_devops": "azure-pipelines.yml",
    "gitlab": ".gitlab-ci.yml",
}
SOURCE = "src/<< cookiecutter.project >>_ml"
# % set needed = cookiecutter._pins | needed_by(cookiecutter.models | parse_models)
# % set not_needed = cookiecutter._pins | reject("in", needed) | join(" ")
NOT_NEEDED = "<< not_needed >>".split()
REQUIREMENT = re.compile(r'^    { name = "(.+?)".*\n', re.MULTILINE)


def cut(lock: str, project: str, packages: list[str]) -> str:
    """The lock of a project that does not ask for these packages, so without what only they need."""
    head, *tables = lock.split("[[package]]\n")
    names = [table.split('"')[1] for table in tables]
    own = names.index(project)
    tables[own] = REQUIREMENT.sub(lambda line: "" if line[1] in packages else line[0], tables[own])
    kept, new = set(), {project}
    while new:
        kept |= new
        asking = [table for name, table in zip(names, tables, strict=True) if name in new]
        new = {needed for table in asking for needed in REQUIREMENT.findall(table)} - kept
    return "[[package]]\n".join([head, *(t for name, t in zip(names, tables, strict=True) if name in kept)])


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
if NOT_NEEDED:
    text = cut(text, "PROJECT_ml", NOT_NEEDED)
with open("uv.lock", "w", encoding="utf-8") as lock:
    lock.write(text.replace("PROJECT_ml", "<< cookiecutter.project >>_ml"))

for provider, name in CI_FILES.items():
    if provider != "<< cookiecutter.ci >>":
        os.remove(name)
        if folder := os.path.dirname(name):
            os.removedirs(folder)
