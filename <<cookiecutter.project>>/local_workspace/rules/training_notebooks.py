"""What holds for every training notebook, `src/*/*/train_*.py`."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles
from local_workspace.notebook_files import Notebook

HELPERS = (
    "setup_mlflow_experiment",
    "log_training_dataset",
    "get_run_name",
    "get_standard_tags",
    "get_parameters",
)
EXPERIMENT = re.compile(r"/Shared/\{project\}_ml_.")
NO_AUTOLOG = "mlflow.autolog(disable=True)"
REGISTRY = 'mlflow.set_registry_uri("databricks-uc")'


def every_training_notebook_has_the_helpers(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.training_notebooks:
        called = {call.name for call in notebook.calls}
        for name in HELPERS:
            if name not in notebook.definitions:
                yield (
                    f"{notebook.at(1)}: helper {name} is missing; copy it from another training notebook, "
                    "since a deployed notebook cannot import it"
                )
            elif name not in called:
                at = notebook.at(notebook.definitions[name])
                yield f"{at}: helper {name} is defined but never called; call it in the training"


def helpers_are_the_same_in_every_training_notebook(bundle: BundleFiles) -> Iterator[str]:
    """Helpers are those five, and what stands in one cell with the first; most notebooks have it right."""
    notebooks = bundle.training_notebooks
    for name in sorted({*HELPERS}.union(*map(names_beside_setup, notebooks))):
        having = [notebook for notebook in notebooks if name in notebook.definitions]
        texts = {notebook.name: ast.dump(notebook.definitions[name]) for notebook in having}
        common = Counter(texts.values()).most_common(1)[0][0] if texts else ""
        like = next((notebook.name for notebook in having if texts[notebook.name] == common), "")
        for notebook in having:
            if texts[notebook.name] != common:
                yield (
                    f"{notebook.at(notebook.definitions[name])}: helper {name} is not the same as in {like}; "
                    "copy the one you want to every training notebook"
                )


def names_beside_setup(notebook: Notebook) -> set[str]:
    """The functions and classes in the same cell as setup_mlflow_experiment."""
    cell = {}
    for name, node in notebook.definitions.items():
        above = "\n".join(notebook.text.splitlines()[: node.lineno])
        cell[name] = above.count("# COMMAND ----------")
    return {name for name in cell if cell[name] == cell.get(HELPERS[0])}


def every_training_notebook_is_run_by_a_task(bundle: BundleFiles) -> Iterator[str]:
    run = {notebook.name for _, _, notebook in bundle.notebook_tasks}
    for notebook in bundle.training_notebooks:
        if notebook.name not in run:
            yield f"{notebook.at(1)}: no task runs it; add one to resources/ml/ml_training_pipeline.yml"


def autolog_is_disabled(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.training_notebooks:
        calls = [call for call in notebook.calls if re.fullmatch(r"mlflow(\.\w+)?\.autolog", call.name)]
        disabled = [call for call in calls if is_true(call.argument("disable", 99))]
        if not any(call.name == "mlflow.autolog" and not call.block for call in disabled):
            yield f"{notebook.at(1)}: autolog is not disabled; write {NO_AUTOLOG} at module level"
        for call in calls:
            if call not in disabled:
                yield f"{call.at}: {call.name} is switched on; write {NO_AUTOLOG}"


def is_true(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def the_registry_is_set_at_module_level(bundle: BundleFiles) -> Iterator[str]:
    """In every notebook that uses MLflow."""
    for notebook in bundle.notebooks:
        uses_mlflow = any(module.split(".")[0] == "mlflow" for _, module, _ in notebook.imports)
        calls = notebook.called("mlflow.set_registry_uri")
        right = [c for c in calls if not c.block and notebook.text_of(c.argument("uri")) == "databricks-uc"]
        if uses_mlflow and (not right or len(calls) > 1):
            place = calls[-1].at if calls else notebook.at(1)
            yield f"{place}: the registry URI is not set at module level, once; write {REGISTRY} there"


def experiments_are_shared_and_named_after_project_and_model(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        for call in [*notebook.ending("set_experiment"), *notebook.ending("create_experiment")]:
            name = call.argument("experiment_name") or call.argument("name")
            if not EXPERIMENT.match(notebook.text_of(name)):
                yield (
                    f"{call.at}: the experiment is not below /Shared, named after project and model; "
                    'write f"/Shared/{project}_ml_{model_name}"'
                )


def the_dataset_is_logged_inside_the_run(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        for call in notebook.called("log_training_dataset", "mlflow.log_input"):
            helper = any(getattr(node, "name", "") == "log_training_dataset" for node in call.within)
            if not call.in_run and not helper:
                yield (
                    f"{call.at}: {call.name} outside the run logs the dataset to no run; "
                    "move it into `with mlflow.start_run(...)`"
                )


def metrics_are_linked_to_model_and_dataset(bundle: BundleFiles) -> Iterator[str]:
    """Without it the logged model's page shows neither."""
    for notebook in bundle.training_notebooks:
        calls = [call for call in notebook.called("mlflow.log_metrics", "mlflow.log_metric") if call.in_run]
        if not any(call.argument("model_id", 99) and call.argument("dataset", 99) for call in calls):
            yield (
                f"{notebook.at(1)}: the logged model shows neither metrics nor dataset; write "
                "mlflow.log_metrics(metrics, model_id=logged.model_id, dataset=data.gold) inside the run"
            )


RULES = (
    every_training_notebook_has_the_helpers,
    helpers_are_the_same_in_every_training_notebook,
    every_training_notebook_is_run_by_a_task,
    autolog_is_disabled,
    the_registry_is_set_at_module_level,
    experiments_are_shared_and_named_after_project_and_model,
    the_dataset_is_logged_inside_the_run,
    metrics_are_linked_to_model_and_dataset,
)
