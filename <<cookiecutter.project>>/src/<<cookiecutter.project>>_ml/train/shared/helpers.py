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
