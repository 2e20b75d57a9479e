"""Write one notebook per model, and remove the files that this project does not use."""

import json
import shutil
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

cookiecutter = json.loads(r"""<< cookiecutter | tojson >>""")
models = json.loads(r"""<< cookiecutter.models | parse_models | tojson >>""")

source = Path("src/<< cookiecutter.project >>_ml")
jinja = Environment(
    loader=FileSystemLoader(source),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    **cookiecutter["_jinja2_env_vars"],
)
template = jinja.get_template("train_model.py")
for model in models:
    notebook = source / model["domain"] / f"train_{model['name']}.py"
    notebook.parent.mkdir(exist_ok=True)
    notebook.write_text(template.render(cookiecutter=cookiecutter, model=model), encoding="utf-8")
(source / "train_model.py").unlink()

lock = Path("uv.lock")  # too long to be worth rendering for one name
lock.write_text(lock.read_text(encoding="utf-8").replace("PROJECT_ml", cookiecutter["project"] + "_ml"))

ci_files = {"github": ".github", "azure_devops": "azure-pipelines.yml", "gitlab": ".gitlab-ci.yml"}
for provider, name in ci_files.items():
    if provider != cookiecutter["ci"]:
        path = Path(name)
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
