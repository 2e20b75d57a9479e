from collections.abc import Callable, Sequence

from matplotlib import style
from mlflow.exceptions import RestException


# COMMAND ----------


# DBTITLE 1,Helpers, the same in every training notebook, which cannot count on importing them
def get_parameters() -> tuple[str, str, str, str, str]:
    """catalog, gold_schema, feature_schema, project, model_name; raises where the job gives no right ones."""
    catalog, gold_schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("gold_schema")
    feature_schema, project = dbutils.widgets.get("feature_schema"), dbutils.widgets.get("project")
    model_name = dbutils.widgets.get("model_name")
    if not all(given := (catalog, gold_schema, feature_schema, project, model_name)):
        raise ValueError("a parameter is empty; fill in the widgets above, or give it in the job's YAML")
    if (approval := dbutils.widgets.get("approval")) not in ("automatic", "manual"):
        raise ValueError(f"parameter approval is {approval!r}; make it automatic or manual")
    margin = dbutils.widgets.get("promotion_margin")
    if not 0 <= pd.to_numeric(margin, errors="coerce") < 1:  # NaN is not
        raise ValueError(f"parameter promotion_margin is {margin!r}; make it a share below 1, as 0.01")
    if (features_status := dbutils.widgets.get("features_status")).startswith("FAILED"):
        raise ValueError(f"the features of {DOMAIN} were not refreshed, {features_status}")
    return given


def setup_mlflow_experiment(project: str, model_name: str) -> str:
    """The id of experiment /Shared/{project}_ml_{model_name}; raises where it cannot be used."""
    experiment = mlflow.set_experiment(f"/Shared/{project}_ml_{model_name}")
    print(f"Experiment {experiment.name}, id {experiment.experiment_id}")
    return experiment.experiment_id


def get_run_name(model_name: str, algorithm: str, version: str = "v1") -> str:
    """For example churn_xgboost_v1_20260131_093000."""
    return f"{model_name}_{algorithm}_{version}_{datetime.now():%Y%m%d_%H%M%S}"


def get_standard_tags(project: str, model_name: str, training_table: str) -> dict[str, str]:
    """The tags that every run carries."""
    return {
        "project": project,
        "domain": DOMAIN,
        "model_name": model_name,
        "model_type": MODEL_TYPE,
        "algorithm": ALGORITHM,
        "layer": "ml",
        "team": "data_science",
        "use_case": USE_CASE,
        "feature_store_enabled": "true",
        "training_data": training_table,
    }


def log_training_dataset(dataset: mlflow.data.Dataset) -> None:
    """Logs a table as input of the active run, with the Delta version that was read."""
    if getattr(dataset.source, "delta_table_version", None) is None:
        short_name = dataset.name.split(".")[-1]
        mlflow.set_tag(f"no_delta_version.{short_name}", "read as it was at the time of the run")
    mlflow.log_input(dataset, context="training")
    print(f"Dataset {dataset.name}")


# COMMAND ----------


# DBTITLE 1,The run: a version is logged, registered, judged and described
def log_picture(name: str, draw: Callable[..., Figure], *given: object) -> None:
    """Logs what `draw` draws, by matplotlib's own settings, names as they are; a failure is only said."""
    try:
        with style.context(["default", {"text.parse_math": False}]):  # else $ is mathematics
            mlflow.log_figure(draw(*given), name)
    except Exception as error:
        print(f"No picture {name}: {error!r}")


def bars(importance: pd.DataFrame, loss: str) -> Figure:
    """The 20 features that matter most, each with the spread over the repeats."""
    means = importance.mean().sort_values()
    shown = means.tail(20)
    figure = Figure(figsize=(8, 2 + 0.25 * len(shown)), layout="constrained")
    axes = figure.subplots()
    axes.barh([str(name) for name in shown.index], shown, xerr=importance[shown.index].std(), ecolor="gray")
    title = f"importance of {len(shown)} of {len(means)} features; gray: spread of {len(importance)} repeats"
    axes.set(xlabel=loss, title=title)
    return figure


def pin(package: str) -> str:
    """The package, or its `-cpu` edition, with the version that is imported: the first on the path."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        found = distribution(f"{package}-cpu")
    return f"{found.name}=={found.version}"


def log_model(model: BaseEstimator, data: TrainingData) -> str:
    """Logs the model with its parameters to the active run; returns its id."""
    rows = {**data.rules, "rows_holdout": len(data.holdout)}
    mlflow.log_params({**settings_of(model), **rows, "features": len(model.feature_names_in_)})
    logged = FeatureEngineeringClient().log_model(
        model=model,
        artifact_path="model",
        flavor=mlflow.sklearn,
        training_set=data.training_set,
        input_example=data.holdout[list(model.feature_names_in_)].head(5),
        signature=False,  # or what is missing in scoring alone would be refused
        **RETURNS,
        pip_requirements=[pin(package) for package in PACKAGES],
        serialization_format="cloudpickle",
    )
    return logged.model_id


def describe(model: BaseEstimator, data: TrainingData, decision: str, run_id: str) -> str:
    """What a reader of the registry wants to know of a version, in Markdown."""
    metrics = mlflow.get_run(run_id).data.metrics.items()
    table = "\n".join(f"| {name} | {value:.4g} |" for name, value in metrics)
    when = f"{datetime.now():%Y-%m-%d %H:%M}, commit {dbutils.widgets.get('git_commit') or 'not known'}"
    source = f"{data.rules['rows_train']} rows of {data.gold.name} and {data.features.name}, {when}"
    if REFIT:
        source += ". Then fitted once more, on all rows, to score; what is said here is of the one before"
    text = f"{USE_CASE}. {summary(model)}, by {ALGORITHM}."
    return f"{text}\n\n{decision}.\n\nLearnt from {source}.\n\n| on the holdout | |\n|---|---|\n{table}"


def is_gone(error: Exception) -> bool:
    """Whether an error says that something is not there, and not that a service gave no answer."""
    return bool(re.search(r"(?i)not.?found|does.not.exist|no such file", str(error)))


def is_no_answer(error: Exception) -> bool:
    """Whether a service gave no answer, which says nothing of what was asked for."""
    is_of_a_service = isinstance(error, (OSError, RestException)) or "while downloading" in str(error)
    return is_of_a_service and not is_gone(error)


def read_aliases(registered_model: str) -> dict[str, str]:
    """The versions that champion and challenger name; without those that there are not."""
    client, found = mlflow.MlflowClient(), {}
    for alias in ("champion", "challenger"):
        try:
            found[alias] = str(client.get_model_version_by_alias(registered_model, alias).version)
        except MlflowException as error:
            if not is_gone(error):
                raise
    return found


def load_judged(registered_model: str, version: str) -> BaseEstimator:
    """What was judged of a version, fitted without its holdout; of earlier releases, what scores."""
    raw_model = f"models:/{registered_model}/{version}/data/feature_store/raw_model"
    model = mlflow.pyfunc.load_model(raw_model).get_raw_model()
    return getattr(model, "judged_", model)


def promote(
    registered_model: str,
    new: str,
    model: BaseEstimator,
    data: TrainingData,
    run_id: str,
    remarks: Sequence[str] = (),
) -> str:
    """Gives the new version its tags, description and alias; returns the decision."""
    client, judged = mlflow.MlflowClient(), None
    while judged != (aliases := read_aliases(registered_model)):
        alias, reason = judge(registered_model, data, model, aliases)
        judged = aliases  # another training may have changed them meanwhile
    reason = "; ".join([reason, *remarks])
    tags = {"promotion": alias or "none", "promotion_reason": reason[:1000].strip()}
    for name, value in {**scoring_tags(model), **tags}.items():
        client.set_model_version_tag(registered_model, new, name, value)
    mlflow.set_tags({**tags, "model_version": new})
    decision = f"Version {new} {f'became {alias}' if alias else 'got no alias'}: {reason}"
    client.update_model_version(registered_model, new, describe(model, data, decision, run_id))
    if alias:  # last: whatever fails before leaves the champion as it is
        client.set_registered_model_alias(registered_model, alias, new)
    return decision


# % if cookiecutter.monitoring == "yes"
# % include train ~ "reference/shared.py"
# % include train ~ "reference/" ~ model.type ~ ".py"
# % endif
# % set remarks = {"anomaly": "data.remarks", "classification": "[\n            *data.remarks,\n            *remarks_on_positive(data.gold.df),\n            *remarks_on(importance, data, predicted),\n            *far_off(data.holdout, predicted),\n        ]"}
# % set judged = "predicted" if model.type == "anomaly" else "data.holdout[LABEL], predicted"
def main() -> str:
    """Trains, registers and promotes a version; returns the task's status."""
    catalog, gold_schema, feature_schema, project, model_name = get_parameters()
    gold_table = f"{catalog}.{gold_schema}.{DOMAIN}"
    registered_model = f"{catalog}.{feature_schema}.{model_name}"
    check_settings()
    experiment_id = setup_mlflow_experiment(project, model_name)
    data = load_data(gold_table, f"{catalog}.{feature_schema}.{DOMAIN}_features")

    with mlflow.start_run(experiment_id=experiment_id, run_name=get_run_name(model_name, ALGORITHM)) as run:
        mlflow.set_tags(get_standard_tags(project, model_name, gold_table))
        log_training_dataset(data.gold)
        log_training_dataset(data.features)
        model = fit(data.train)
        predicted = predict(model, data.holdout)
        metrics = evaluate(<< judged >>)
        log_picture("holdout.png", plot, << judged >>)
        importance = measure_importance(model, data.holdout)
        log_picture("importance.png", plot_importance, importance)
        model_id = log_model(refit(model, data) if REFIT else model, data)
        mlflow.log_metrics(metrics, model_id=model_id, dataset=data.gold)
# % if cookiecutter.monitoring == "yes"
        log_reference(data, predicted)
# % endif
        version = str(mlflow.register_model(f"runs:/{run.info.run_id}/model", registered_model).version)
        remarks = << remarks.get(model.type, "[*data.remarks, *remarks_on(importance, data, predicted)]") >>
        decision = promote(registered_model, version, model, data, run.info.run_id, remarks)
    print(", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    print(decision)
# % if model.type != "anomaly"
    if warning := warn_of_champion(registered_model):
        return f"SUCCESS: {warning}"
# % endif
    return "SUCCESS"


# COMMAND ----------

try:
    status = main()
except Skipped as reason:
    status = f"SKIPPED: {reason}"
except Exception as error:
    traceback.print_exc()
    status = f"FAILED: {' '.join(str(error).split()) or repr(error)}"[:1000]

# COMMAND ----------

dbutils.jobs.taskValues.set(key="status", value=status)
dbutils.notebook.exit(status)
