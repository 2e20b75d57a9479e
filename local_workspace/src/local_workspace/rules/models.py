"""What holds for the notebooks that train, `src/*/*/train_*.py`, and for those that score."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from local_workspace.rules.bundle_files import BundleFiles
from local_workspace.rules.notebook_files import Notebook

HELPERS = (
    "get_parameters",
    "setup_mlflow_experiment",
    "get_run_name",
    "get_standard_tags",
    "log_training_dataset",
)
EXPERIMENT = re.compile(r"/Shared/\{project\}_ml_.")
VERSION = re.compile(r"models:/[^@]+/\{(\w+)\}")
NO_AUTOLOG = "mlflow.autolog(disable=True)"
SEEDED = re.compile(
    r"(Spark)?XGB\w+|HistGradientBoosting\w+|\w*Forest\w*|ExtraTrees\w+|LGBM\w+|CatBoost\w+|train_test_split"
    r"|RandomizedSearchCV|permutation_importance|resample|bootstrap|sample|default_rng|ShuffleSplit"
)
SEEDS = {"random_state", "random_seed", "seed", None}  # the common spellings; None is **settings
REGISTRY = 'mlflow.set_registry_uri("databricks-uc")'
METRICS = "mlflow.log_metrics(metrics, model_id=model_id, dataset=data.gold)"


def every_training_notebook_has_the_helpers(bundle: BundleFiles) -> Iterator[str]:
    """They are called, and the same in every notebook; most notebooks have them right."""
    notebooks = bundle.training_notebooks
    for name in HELPERS:
        texts = {n.name: ast.dump(n.definitions[name]) for n in notebooks if name in n.definitions}
        usual = Counter(texts.values()).most_common(1)[0][0] if texts else ""
        like = next((other for other, text in texts.items() if text == usual), "")
        for notebook in notebooks:
            place = notebook.at(notebook.definitions.get(name, 1))
            if name not in notebook.definitions:
                yield f"{place}: helper {name} is missing; copy it from another training notebook"
            elif not notebook.called(name):
                yield f"{place}: helper {name} is defined but never called; call it in the training"
            elif texts[notebook.name] != usual:
                yield f"{place}: helper {name} is not the same as in {like}; copy the one you want to all"


def every_training_notebook_is_run_by_a_task(bundle: BundleFiles) -> Iterator[str]:
    run = {notebook.name for _, _, notebook in bundle.notebook_tasks}
    for notebook in bundle.training_notebooks:
        if notebook.name not in run:
            yield f"{notebook.at(1)}: no task runs it; add one to resources/ml/ml_training_pipeline.yml"


def autolog_is_disabled(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.training_notebooks:
        calls = [call for call in notebook.calls if re.fullmatch(r"mlflow(\.\w+)?\.autolog", call.name)]
        enabled = [call for call in calls if "disable=True" not in ast.unparse(call.node)]
        if not any(call.name == "mlflow.autolog" and not call.within for call in calls):
            yield f"{notebook.at(1)}: autolog is not disabled; write {NO_AUTOLOG} at module level"
        for call in enabled:
            yield f"{call.at}: {call.name} is switched on; write {NO_AUTOLOG}"


def the_registry_is_set_at_module_level(bundle: BundleFiles) -> Iterator[str]:
    """In every notebook that uses MLflow."""
    for notebook in bundle.notebooks:
        uses_mlflow = any(module.split(".")[0] == "mlflow" for _, module, _ in notebook.imports)
        calls = notebook.called("mlflow.set_registry_uri")
        right = [c for c in calls if not c.within and notebook.text_of(c.argument("uri")) == "databricks-uc"]
        if uses_mlflow and (not right or len(calls) > 1):
            place = calls[-1].at if calls else notebook.at(1)
            yield f"{place}: the registry URI is not set at module level, once; write {REGISTRY} there"


def experiments_are_shared_and_named_after_project_and_model(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        for call in [*notebook.ending("set_experiment"), *notebook.ending("create_experiment")]:
            name = call.argument("experiment_name") or call.argument("name")
            if not EXPERIMENT.match(notebook.text_of(name)):
                problem = "the experiment is not below /Shared, named after project and model"
                yield f'{call.at}: {problem}; write f"/Shared/{{project}}_ml_{{model_name}}"'


def the_dataset_is_logged_inside_the_run(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        for call in notebook.called("log_training_dataset", "mlflow.log_input"):
            helper = any(getattr(node, "name", "") == "log_training_dataset" for node in call.within)
            if not call.in_run and not helper:
                problem = f"{call.name} outside the run logs the dataset to no run"
                yield f"{call.at}: {problem}; move it into `with mlflow.start_run(...)`"


def metrics_are_linked_to_model_and_dataset(bundle: BundleFiles) -> Iterator[str]:
    """Without it the logged model's page shows neither."""
    for notebook in bundle.training_notebooks:
        calls = [call for call in notebook.called("mlflow.log_metrics", "mlflow.log_metric") if call.in_run]
        if not any(call.argument("model_id", 99) and call.argument("dataset", 99) for call in calls):
            problem = "the logged model shows neither metrics nor dataset"
            yield f"{notebook.at(1)}: {problem}; write {METRICS} inside the run"


def every_model_is_compared_with_a_baseline(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.training_notebooks:
        if notebook.literal("LABEL", ...) is not None and not notebook.called("predict_baseline"):
            problem = "predict_baseline is never called, so what is worse than the mean may become champion"
            yield f"{notebook.at(1)}: {problem}; compare each version with it"


def every_random_part_has_a_seed(bundle: BundleFiles) -> Iterator[str]:
    """The same rows then give the same model."""
    for notebook in bundle.training_notebooks:
        for call in notebook.calls:
            name, given = call.name.rpartition(".")[2], {keyword.arg for keyword in call.node.keywords}
            random = SEEDED.fullmatch(name) or (name.endswith("KFold") and "shuffle" in given)
            if name == "resample" and _is_method(notebook, call.name):
                continue  # that of pandas, by time, in which nothing is random
            seeded = given & SEEDS or (name == "default_rng" and call.node.args)
            if random and not seeded:
                yield f"{call.at}: {name} has no seed, so no run can be repeated; give it random_state=42"


def _is_method(notebook: Notebook, called: str) -> bool:
    """Whether it is called on a value, and neither by its own name nor on a module."""
    names = [alias for node, _, _ in notebook.imports for alias in getattr(node, "names", [])]
    imported = {alias.asname or alias.name.partition(".")[0] for alias in names}
    return "." in called and called.partition(".")[0] not in imported


def metrics_are_of_the_holdout(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.training_notebooks:
        for call in notebook.called("evaluate"):
            names = [getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(call.node)]
            if call.in_run and "train" in names:
                yield f"{call.at}: evaluate is given rows that were learnt from; give it those held out"


def only_score_batch_scores(bundle: BundleFiles) -> Iterator[str]:
    """It looks features up as the training did."""
    for notebook in bundle.notebooks:
        if notebook.scores and not notebook.ending(".score_batch"):
            yield f"{notebook.at(1)}: it does not score; call FeatureEngineeringClient().score_batch"
        for call in notebook.calls if notebook.scores else []:
            if call.name.rpartition(".")[2] in ("load_model", "spark_udf", "predict"):
                yield f"{call.at}: {call.name} does not look features up; score by score_batch alone"


def the_version_that_scores_is_the_champion(bundle: BundleFiles) -> Iterator[str]:
    """The alias is resolved once, to a version: it may move while the notebook runs."""
    for notebook in bundle.notebooks:
        for call in notebook.ending(".score_batch"):
            version = VERSION.fullmatch(notebook.text_of(call.argument("model_uri")))
            if not version or not _comes_from_champion(notebook, version[1]):
                problem = "the version that scores is not read from alias champion"
                yield f'{call.at}: {problem}; write f"models:/{{registered_model}}/{{version}}"'


def _comes_from_champion(notebook: Notebook, name: str, depth: int = 4) -> bool:
    """Whether every value of a name reads the alias, itself or by other names and what functions return."""
    values = [*notebook.assigned.get(name, []), *notebook.returned(name)]
    for value in values:
        nodes = list(ast.walk(value))
        read = any(isinstance(node, ast.Constant) and node.value == "champion" for node in nodes)
        names = [node.id for node in nodes if isinstance(node, ast.Name)] if depth else []
        if not read and not any(_comes_from_champion(notebook, other, depth - 1) for other in names):
            return False
    return bool(values)
