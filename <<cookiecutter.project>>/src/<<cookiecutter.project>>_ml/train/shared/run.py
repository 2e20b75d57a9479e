# COMMAND ----------


# DBTITLE 1,The run: a version is logged, registered, judged and described
def pin(package: str) -> str:
    """The package, or its `-cpu` edition, with the version that is imported: the first on the path."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        found = distribution(f"{package}-cpu")
    return f"{found.name}=={found.version}"


def log_model(model: Pipeline, data: TrainingData, registered_model: str) -> str:
    """Logs the model with its parameters to the active run, and registers a version; returns its id."""
    rows = {**data.rules, "rows_holdout": len(data.holdout)}
    mlflow.log_params({**settings_of(model), **rows, "features": len(model.feature_names_in_)})
    logged = FeatureEngineeringClient().log_model(
        model=model,
        artifact_path="model",
        flavor=mlflow.sklearn,
        training_set=data.training_set,
        registered_model_name=registered_model,
        input_example=data.holdout[list(model.feature_names_in_)].head(5),
        signature=False,  # or what is missing in scoring alone would be refused
        **RETURNS,
        pip_requirements=[pin(package) for package in PACKAGES],
        serialization_format="cloudpickle",
    )
    return logged.model_id


def describe(model: Pipeline, data: TrainingData, decision: str, run_id: str) -> str:
    """What a reader of the registry wants to know of a version, in Markdown."""
    metrics = mlflow.get_run(run_id).data.metrics.items()
    table = "\n".join(f"| {name} | {value:.4g} |" for name, value in metrics)
    when = f"{datetime.now():%Y-%m-%d %H:%M}, commit {dbutils.widgets.get('git_commit') or 'not known'}"
    source = f"{data.rules['rows_train']} rows of {data.gold.name} and {data.features.name}, {when}"
    text = f"{USE_CASE}. {summary(model)}, by {ALGORITHM}."
    return f"{text}\n\n{decision}.\n\nLearnt from {source}.\n\n| on the holdout | |\n|---|---|\n{table}"


def promote(registered_model: str, model: Pipeline, data: TrainingData, run_id: str) -> str:
    """Gives the run's version its alias, tags and description; returns the decision."""
    client, judged = mlflow.MlflowClient(), None
    versions = client.search_model_versions(f"name='{registered_model}'")
    new = next(str(found.version) for found in versions if found.run_id == run_id)
    for name, value in scoring_tags(model).items():
        client.set_model_version_tag(registered_model, new, name, value)
    while judged != (aliases := client.get_registered_model(registered_model).aliases):
        alias, reason = judge(registered_model, data, model, aliases)
        judged = aliases  # another training may have changed them meanwhile
    if alias:
        client.set_registered_model_alias(registered_model, alias, new)
    tags = {"promotion": alias or "none", "promotion_reason": reason[:1000]}
    for name, value in tags.items():
        client.set_model_version_tag(registered_model, new, name, value)
    mlflow.set_tags({**tags, "model_version": new})
    decision = f"Version {new} {f'became {alias}' if alias else 'got no alias'}: {reason}"
    client.update_model_version(registered_model, new, describe(model, data, decision, run_id))
    return decision


def main() -> str:
    """Trains, registers and promotes a version; returns the task's status."""
    catalog, gold_schema, feature_schema, project, model_name = get_parameters()
    gold_table = f"{catalog}.{gold_schema}.{DOMAIN}"
    registered_model = f"{catalog}.{feature_schema}.{model_name}"
    experiment_id = setup_mlflow_experiment(project, model_name)
    data = load_data(gold_table, f"{catalog}.{feature_schema}.{DOMAIN}_features")

    with mlflow.start_run(experiment_id=experiment_id, run_name=get_run_name(model_name, ALGORITHM)) as run:
        mlflow.set_tags(get_standard_tags(project, model_name, gold_table))
        log_training_dataset(data.gold)
        log_training_dataset(data.features)
        model = fit(data.train)
        predicted = predict(model, data.holdout)
# % if model.type == "anomaly"
        metrics = evaluate(predicted)
        mlflow.log_figure(plot(predicted), "holdout.png")
# % else
        metrics = evaluate(data.holdout[LABEL], predicted)
        mlflow.log_figure(plot(data.holdout[LABEL], predicted), "holdout.png")
# % endif
        mlflow.log_figure(plot_importance(model, data.holdout), "importance.png")
        model_id = log_model(model, data, registered_model)
        mlflow.log_metrics(metrics, model_id=model_id, dataset=data.gold)
        decision = promote(registered_model, model, data, run.info.run_id)
    print(", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
    print(decision)
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
