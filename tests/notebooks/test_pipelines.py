"""The jobs, run here as they run on Databricks: what they leave in tables, registry and experiments.

The tests build on each other, in this order: a first run, then the same again, then what goes wrong.
"""

import json
import re

import pytest
import yaml

METRICS = {
    "regression": {"rmse", "mae", "median_absolute_error", "r2", "mean_error"},
    "classification": {
        *("roc_auc", "average_precision", "log_loss", "brier_score", "f1", "precision", "recall")
    },
    "anomaly": {"share_flagged", "score_mean", "score_spread"},
}
CHOSEN = ("churn", "outliers", "revenue", "stay")
GAIN = ("gain", "gain_low", "gain_high")


@pytest.fixture(scope="module")
def models(models):
    """One of each type, and one with history. Other tests here have each algorithm."""
    return {name: models[name] for name in sorted(CHOSEN)}


def run(local_bundle, job):
    """A job without the models that are not chosen."""
    keys = [task["task_key"] for task in local_bundle.bundle.jobs[job]["tasks"]]
    others = [key for key in keys if key.startswith(("train_", "score_"))]
    left_out = {key for key in others if key.partition("_")[2] not in CHOSEN}
    return local_bundle.run(job, [key for key in keys if key not in left_out])


@pytest.fixture(scope="module")
def first(local_bundle):
    """The first run of everything."""
    jobs = ("ml_sample_data", "ml_training_pipeline", "ml_inference_pipeline")
    return {job: run(local_bundle, job) for job in jobs}


@pytest.fixture(scope="module")
def second(local_bundle, first):
    """The second, on the same data."""
    return {job: run(local_bundle, job) for job in ("ml_training_pipeline", "ml_inference_pipeline")}


def domains(models) -> dict[str, str]:
    return {name: model["domain"] for name, model in models.items()}


def counts(local_bundle, models) -> dict[str, list[int]]:
    """Rows of gold and of predictions, and distinct keys among the latter, per model."""
    return local_bundle.ask(f"""
        rows = {{}}
        for name, domain in {domains(models)}.items():
            key = f"{{domain}}_id"
            gold = spark.table(f"{local_bundle.gold}.{{domain}}").select(key).distinct().count()
            predictions = spark.table(f"{local_bundle.features}.{{name}}_predictions")
            keys = predictions.select(key).distinct().count()
            rows[name] = [gold, predictions.where("prediction IS NOT NULL").count(), keys]
        return rows
    """)


def aliases(local_bundle, models) -> dict[str, dict]:
    return local_bundle.ask(f"""
        client, found = mlflow.MlflowClient(), {{name: {{}} for name in {list(models)}}}
        for name, alias in [(name, alias) for name in found for alias in ("champion", "challenger")]:
            try:
                version = client.get_model_version_by_alias(f"{local_bundle.features}.{{name}}", alias)
                found[name][alias] = version.version
            except mlflow.exceptions.MlflowException:
                continue
        return found
    """)


def set_alias(local_bundle, registered: str, version: int) -> None:
    """As `databricks registered-models set-alias` does."""
    local_bundle.ask(f"""
        from databricks.sdk import WorkspaceClient
        WorkspaceClient().registered_models.set_alias("{registered}", "champion", {version})
        return ""
    """)


def newest_runs(local_bundle, models) -> dict[str, dict]:
    """Each model's last run and what was logged with it.

    MLflow's own store gives datasets in no order, and links one twice if two runs log it at once.
    """
    return local_bundle.ask(f"""
        client, found = mlflow.MlflowClient(), {{}}
        for name in {list(models)}:
            experiment = client.get_experiment_by_name(f"/Shared/{local_bundle.project}_ml_{{name}}")
            run = client.search_runs([experiment.experiment_id])[0]
            logged = client.search_logged_models([experiment.experiment_id])[0]
            info = mlflow.models.get_model_info(logged.model_uri)
            requirements = mlflow.pyfunc.get_model_dependencies(logged.model_uri)
            found[name] = dict(
                run_id=run.info.run_id,
                tags=run.data.tags, metrics=run.data.metrics, params=run.data.params,
                inputs=list(set(used.dataset.source for used in run.inputs.dataset_inputs)),
                linked=[[m.key, m.dataset_name] for m in logged.metrics],
                outputs=bool(info.signature.outputs),
                artifacts=[file.path for file in client.list_artifacts(run.info.run_id)],
                requirements=open(requirements).read().split(),
            )
        return found
    """)


def newest_run(local_bundle, model: str) -> dict:
    return newest_runs(local_bundle, [model])[model]


@pytest.fixture(scope="module")
def logged(local_bundle, first, models) -> dict[str, dict]:
    """What the first run of each model has logged."""
    return newest_runs(local_bundle, models)


def test_every_task_of_the_first_run_succeeds(first):
    statuses = {f"{run.key}.{task.key}": task.status for run in first.values() for task in run.tasks}
    assert set(statuses.values()) == {"SUCCESS"}, statuses


def test_every_model_scores_every_key(local_bundle, first, models):
    for name, (gold, predictions, keys) in counts(local_bundle, models).items():
        assert gold == predictions == keys > 0, name


def test_every_model_beats_its_baseline(logged, models):
    for name, model in models.items():
        metrics = logged[name]["metrics"]
        assert model["model_type"] == "anomaly" or metrics["baseline_gain_low"] > 0, name


def test_the_first_version_is_champion(local_bundle, first, models):
    assert aliases(local_bundle, models) == {name: {"champion": "1"} for name in models}


def test_predictions_name_the_version_that_made_them(local_bundle, first, models):
    versions = " UNION ALL ".join(
        f"SELECT DISTINCT model_version FROM {local_bundle.features}.{name}_predictions" for name in models
    )
    assert local_bundle.sql(versions) == [[1]] * len(models)


def test_a_prediction_that_has_not_changed_is_not_written_again(local_bundle, first, models):
    of_type = {model["model_type"]: (name, f"{model['domain']}_id") for name, model in models.items()}
    keys = dict(of_type.values())
    tasks = [f"score_{name}" for name in keys]

    def stored() -> dict[str, list]:
        return local_bundle.ask(f"""
            found = {{}}
            for name, key in {keys}.items():
                table = f"{local_bundle.features}.{{name}}_predictions"
                rows = spark.sql(f"SELECT {{key}}, scored_at, _metadata.file_name FROM {{table}} ORDER BY 1")
                found[name] = [list(row) for row in rows.collect()]
            return found
        """)

    before = stored()
    local_bundle.run("ml_inference_pipeline", tasks)
    assert stored() == before
    changed = {name: (key, before[name][0][0]) for name, key in keys.items()}
    local_bundle.ask(f"""
        for name, (key, value) in {changed}.items():
            table = f"{local_bundle.features}.{{name}}_predictions"
            spark.sql(f"UPDATE {{table}} SET prediction = prediction + 7 WHERE {{key}} = {{value}}")
        return None
    """)
    local_bundle.run("ml_inference_pipeline", tasks)
    after = stored()
    for name, rows in before.items():
        times = {time for _, time, _ in rows}
        assert [key for key, time, _ in after[name] if time not in times] == [rows[0][0]], name


def test_runs_carry_tags_metrics_and_the_tables_they_read(local_bundle, logged, models):
    for name, model in models.items():
        run = logged[name]
        assert run["tags"]["project"] == local_bundle.project
        assert run["tags"]["model_name"] == name
        assert run["tags"]["domain"] == model["domain"]
        assert run["tags"]["algorithm"] == model["algorithm"]
        assert run["tags"]["promotion"] == "champion"
        expected = METRICS[model["model_type"]]
        if model["model_type"] != "anomaly":
            with_last = model["history"] and model["model_type"] == "regression"
            compared = ("baseline", "constant", "last") if with_last else ("baseline", "constant")
            by = "rmse" if model["model_type"] == "regression" else "roc_auc"
            expected = expected | {f"{by}_low", f"{by}_high"}
            expected |= {
                f"{name}_{key}" for name in compared for key in (*METRICS[model["model_type"]], *GAIN)
            }
        assert set(run["metrics"]) == expected
        search = {"search.json"} if model["model_type"] != "anomaly" else set()
        assert {"holdout.png", "importance.png"} | search <= set(run["artifacts"])
        sources = [json.loads(source) for source in run["inputs"]]
        assert sorted(source["delta_table_name"] for source in sources) == sorted(
            [
                f"{local_bundle.gold}.{model['domain']}",
                f"{local_bundle.features}.{model['domain']}_features",
            ]
        )
        assert all(str(source["delta_table_version"]).isdigit() for source in sources)


def test_logged_models_show_metrics_dataset_and_signature(logged, models):
    for name, model in models.items():
        run = logged[name]
        assert {key for key, _ in run["linked"]} == METRICS[model["model_type"]], name
        assert all(dataset for _, dataset in run["linked"]), name
        assert run["outputs"], name


def test_the_input_example_is_one_that_mlflow_can_validate(local_bundle, first, models):
    """It is the raw model's: the registered one looks its features up, which no server here does."""
    answered, is_refitted = local_bundle.ask(f"""
        answered, is_refitted = {{}}, {{}}
        for name in {list(models)}:
            raw_model = f"models:/{local_bundle.features}.{{name}}/1/data/feature_store/raw_model"
            path = mlflow.artifacts.download_artifacts(raw_model)
            example = mlflow.models.Model.load(path).get_serving_input(path)
            answered[name] = len(mlflow.models.validate_serving_input(path, example))
            is_refitted[name] = hasattr(mlflow.pyfunc.load_model(raw_model).get_raw_model(), "judged_")
        return [answered, is_refitted]
    """)
    assert answered == dict.fromkeys(models, 5)
    assert is_refitted == dict.fromkeys(models, True)  # what scores has learnt from the holdout too


def test_a_version_is_described(local_bundle, first, models):
    described = local_bundle.ask(f"""
        client = mlflow.MlflowClient()
        names = {{name: f"{local_bundle.features}.{{name}}" for name in {list(models)}}}
        return {{name: client.get_model_version(names[name], "1").description for name in names}}
    """)
    for name, model in models.items():
        text = described[name]
        metric = min(METRICS[model["model_type"]])
        for part in (
            f"{model['domain']}_features@v",
            "commit",
            f"| {metric} |",
            "Version 1 became champion: ",
            "Then fitted once more, on all rows, to score",
        ):
            assert part in text, (name, part)


def test_a_log_has_no_warning(local_bundle, first, models):
    logs = [local_bundle.logs / f"ml_training_pipeline.train_{name}.log" for name in models]
    logs += [local_bundle.logs / f"ml_inference_pipeline.score_{name}.log" for name in models]
    for log in logs:
        assert not re.search("WARN|Warning|Traceback|Failed", log.read_text()), log


def test_what_a_prediction_comes_from_stands_beside_it(local_bundle, first, models):
    """The probability, and 1 from the version's threshold on; the score, and -1 below 0."""
    types = {name: model["model_type"] for name, model in models.items()}
    found = local_bundle.ask(f"""
        found = {{}}
        for name, model_type in {types}.items():
            table = spark.table(f"{local_bundle.features}.{{name}}_predictions")
            version = mlflow.MlflowClient().get_model_version(f"{local_bundle.features}.{{name}}", "1")
            expected = dict(
                regression="prediction",
                classification=f"IF(probability >= {{version.tags.get('threshold')}}, 1, 0)",
                anomaly="IF(score < 0, -1, 1)",
            )[model_type]
            found[name] = table.columns, table.where(f"NOT prediction <=> double({{expected}})").count()
        return found
    """)
    for name, model in models.items():
        columns, unlike = found[name]
        beside = {"regression": [], "classification": ["probability"], "anomaly": ["score"]}
        expected = [f"{model['domain']}_id", "prediction", *beside[model["model_type"]]]
        assert (columns, unlike) == ([*expected, "model_version", "scored_at"], 0), name


def test_a_model_asks_for_the_pins_it_was_trained_with(local_bundle, logged, models):
    file = local_bundle.root / "resources/ml/ml_environment.yml"
    pins = yaml.safe_load(file.read_text())["variables"]["ml_dependencies"]["default"]
    for name in models:
        asked = logged[name]["requirements"]
        ours = {pin for pin in asked if not pin.startswith("databricks-feature-lookup")}
        assert ours <= set(pins), name
        assert any(pin.startswith("mlflow==") for pin in ours), name


def test_feature_tables_are_clean_and_have_no_label(local_bundle, first, models):
    tables = local_bundle.ask(f"""
        names = {sorted(set(domains(models).values()))}
        return {{name: spark.table(f"{local_bundle.features}.{{name}}_features").dtypes for name in names}}
    """)
    for domain, columns in tables.items():
        labels = {model["label"] for model in models.values() if model["domain"] == domain}
        assert not labels & {name for name, _ in columns}
        assert {kind for name, kind in columns if name != f"{domain}_id"} >= {"double", "string"}


def test_a_second_run_adds_versions_and_no_rows(local_bundle, first, models, second):
    for name, (gold, predictions, keys) in counts(local_bundle, models).items():
        assert gold == predictions == keys > 0, name
    assert all(task.status == "SUCCESS" for run in second.values() for task in run.tasks)


def test_sample_data_that_exist_are_kept(local_bundle, second):
    """In Spark sessions that made features before, too."""
    statuses = {task.key: task.status for task in local_bundle.run("ml_sample_data").tasks}
    assert set(statuses.values()) == {"SUCCESS"}, statuses


def test_the_same_data_give_the_same_model(logged, local_bundle, models, second):
    again = newest_runs(local_bundle, models)
    for name, model in models.items():
        keys = METRICS[model["model_type"]]
        before, after = ({key: run[name]["metrics"][key] for key in keys} for run in (logged, again))
        assert before == after, name
        assert logged[name]["run_id"] != again[name]["run_id"]


def test_a_version_that_is_not_better_becomes_challenger(local_bundle, models, second):
    """Of anomaly models nobody knows which is better, so the newest that flags as expected is champion."""
    of_type = {"anomaly": {"champion": "2"}}
    as_good = {"champion": "1", "challenger": "2"}
    expected = {name: of_type.get(model["model_type"], as_good) for name, model in models.items()}
    assert aliases(local_bundle, models) == expected


def test_a_better_version_becomes_champion(local_bundle, models, second):
    """One that has learnt wrong labels is none; made champion by hand, it scores until it is replaced."""
    name = next(name for name, model in models.items() if model["model_type"] == "regression")
    path = local_bundle.root / models[name]["path"]
    notebook = path.read_text()
    registered = f"{local_bundle.features}.{name}"
    local_bundle.ask(f"mlflow.MlflowClient().delete_registered_model_alias('{registered}', 'champion')")
    shuffled = "        data.train[LABEL] = data.train[LABEL].sample(frac=1, random_state=0).to_numpy()\n"
    path.write_text(notebook.replace("        model = fit(", f"{shuffled}        model = fit("))
    assert path.read_text() != notebook
    assert not local_bundle.run("ml_training_pipeline", [f"train_{name}"]).failed
    assert "champion" not in aliases(local_bundle, [name])[name]
    refused = newest_run(local_bundle, name)["tags"]
    assert refused["promotion"] == "none"
    assert re.search("it (may be no better|is worse) than", refused["promotion_reason"])
    (score,) = local_bundle.run("ml_inference_pipeline", [f"score_{name}"]).tasks
    assert score.status.startswith("SKIPPED: no champion yet: version 3")
    assert refused["promotion_reason"] in score.status
    set_alias(local_bundle, registered, 3)
    (train,) = local_bundle.run("ml_training_pipeline", [f"train_{name}"]).tasks
    path.write_text(notebook)
    (score,) = local_bundle.run("ml_inference_pipeline", [f"score_{name}"]).tasks
    worth = "(may be|is) no better than the baseline( any more)?: rmse"
    assert re.match(f"SUCCESS: champion 3, which goes on scoring, {worth}", train.status), train.status
    assert re.match(f"SUCCESS: champion 3 {worth}", score.status), score.status
    assert not local_bundle.run("ml_training_pipeline", [f"train_{name}"]).failed
    assert aliases(local_bundle, [name])[name]["champion"] == "5"
    run = newest_run(local_bundle, name)
    assert run["tags"]["promotion"] == "champion"
    assert "champion 3 is no better than the baseline" in run["tags"]["promotion_reason"]
    assert {f"champion_{metric}" for metric in GAIN} <= set(run["metrics"])


def test_by_manual_approval_the_best_version_waits_as_challenger(local_bundle, models, second):
    """Until it is promoted by what `databricks registered-models set-alias` asks of the workspace.

    Of one with labels and one without, since these are judged apart.
    """
    names = ("churn", "outliers")
    train, score = ([f"{what}_{name}" for name in names] for what in ("train", "score"))
    local_bundle.ask(f"""
        client = mlflow.MlflowClient()
        for name in {names}:
            for alias in ("champion", "challenger"):
                client.delete_registered_model_alias(f"{local_bundle.features}.{{name}}", alias)
        return None
    """)
    assert not local_bundle.run("ml_training_pipeline", train, approval="manual").failed
    found = aliases(local_bundle, names)
    assert [list(found[name]) for name in names] == [["challenger"]] * 2
    for task in local_bundle.run("ml_inference_pipeline", score).tasks:
        assert task.status.startswith("SKIPPED: no champion yet: ")
        assert task.status.endswith("it waits for approval")
    for name in names:
        set_alias(local_bundle, f"{local_bundle.features}.{name}", int(found[name]["challenger"]))
    statuses = [task.status for task in local_bundle.run("ml_inference_pipeline", score).tasks]
    assert statuses == ["SUCCESS", "SUCCESS"]
    run = local_bundle.run("ml_training_pipeline", ["train_churn"], approval="manual")
    assert newest_run(local_bundle, "churn")["tags"]["promotion"] == "none"  # no better than these
    both = {alias: found["churn"]["challenger"] for alias in ("champion", "challenger")}
    assert (run.failed, aliases(local_bundle, ["churn"])["churn"]) == (False, both)


def test_an_approval_of_no_known_kind_is_refused(local_bundle, models, second):
    name = next(iter(models))
    (task,) = local_bundle.run("ml_training_pipeline", [f"train_{name}"], approval="maybe").tasks
    assert task.status == "FAILED: parameter approval is 'maybe'; make it automatic or manual"


def test_a_model_that_is_trained_twice_at_once_has_one_champion(local_bundle, models, second):
    name = next(name for name, model in models.items() if model["model_type"] != "anomaly")
    job = local_bundle.bundle.jobs["ml_training_pipeline"]
    notebook_task = {"notebook_path": str(local_bundle.root / models[name]["path"])}
    notebook_task["base_parameters"] = {"model_name": name}
    twins = [{"task_key": key, "notebook_task": notebook_task} for key in ("one", "other")]
    local_bundle.bundle.jobs["twins"] = job | {"tasks": twins}
    local_bundle.bundle.files["twins"] = local_bundle.bundle.files["ml_training_pipeline"]
    registered = f"{local_bundle.features}.{name}"
    count = f"len(mlflow.MlflowClient().search_model_versions(\"name='{registered}'\"))"
    before = local_bundle.ask(count)
    local_bundle.ask(f"mlflow.MlflowClient().delete_registered_model_alias('{registered}', 'champion')")
    run = local_bundle.run("twins")
    assert [task.status for task in run.tasks] == ["SUCCESS", "SUCCESS"]
    assert local_bundle.ask(count) == before + 2
    assert int(aliases(local_bundle, [name])[name]["champion"]) > before


def test_one_broken_notebook_stops_no_other_and_fails_the_run(local_bundle, models, second):
    name = next(name for name in models if name not in ("churn", "outliers"))
    path = local_bundle.root / models[name]["path"]
    notebook = path.read_text()
    path.write_text(notebook.replace("model = fit(data.train)", "raise ValueError('out of luck')"))
    assert path.read_text() != notebook
    features = ["features_sales", "features_ops"]
    run = local_bundle.run(
        "ml_training_pipeline", [*features, f"train_{name}", "train_outliers", "pipeline_status"]
    )
    path.write_text(notebook)
    statuses = {task.key: task.status for task in run.tasks}
    last = statuses.pop("pipeline_status")
    assert run.failed
    assert statuses.pop(f"train_{name}") == "FAILED: out of luck"
    assert set(statuses.values()) == {"SUCCESS"}
    assert f"train_{name}: FAILED: out of luck" in last
    log = (local_bundle.logs / "ml_training_pipeline.pipeline_status.log").read_text()
    assert re.search(rf'databricks jobs repair-run --no-wait --json .*"train_{name}"', log)


def test_a_model_without_champion_is_skipped(local_bundle, models, second):
    name = next(iter(models))
    registered = f"{local_bundle.features}.{name}"
    champion = aliases(local_bundle, [name])[name]["champion"]
    local_bundle.ask(f"mlflow.MlflowClient().delete_registered_model_alias('{registered}', 'champion')")
    run = local_bundle.run("ml_inference_pipeline", [f"score_{name}"])
    set_alias = f"set_registered_model_alias('{registered}', 'champion', '{champion}')"
    local_bundle.ask(f"mlflow.MlflowClient().{set_alias}")
    assert run.tasks[0].status.startswith("SKIPPED: no champion yet: ")
    assert not run.failed


def test_predictions_of_an_older_release_gain_the_column_and_keep_their_rows(local_bundle, models, second):
    """Also the row of a key that is in no table any more."""
    beside = {"classification": "probability", "anomaly": "score"}
    chosen = {model["model_type"]: name for name, model in models.items() if model["model_type"] in beside}
    keys = {name: f"{models[name]['domain']}_id" for name in chosen.values()}
    columns = {name: beside[model_type] for model_type, name in chosen.items()}
    rows = local_bundle.ask(f"""
        rows = {{}}
        for name, key in {keys}.items():
            path = f"{local_bundle.features}.{{name}}_predictions"
            table = spark.table(path).drop({columns}[name]).toPandas()
            table.loc[len(table)] = table.iloc[0].to_dict() | {{key: -1}}
            write = spark.createDataFrame(table).write.mode("overwrite")
            write.option("overwriteSchema", "true").saveAsTable(path)
            rows[name] = len(table)
        return rows
    """)
    run = local_bundle.run("ml_inference_pipeline", [f"score_{name}" for name in keys])
    assert {task.status for task in run.tasks} == {"SUCCESS"}
    for name, key in keys.items():
        table = f"{local_bundle.features}.{name}_predictions"
        found = local_bundle.sql(f"SELECT count(*), count({columns[name]}), min({key}) FROM {table}")
        assert found == [[rows[name], rows[name] - 1, -1]], name


def test_a_missing_gold_table_is_named(local_bundle, models, second):
    name, model = next(iter(models.items()))
    run = local_bundle.run("ml_training_pipeline", [f"train_{name}"], gold_schema="not_there")
    said = rf"FAILED: there is no table \S+\.not_there\.{model['domain']}; make it, or correct gold_schema"
    assert re.fullmatch(said, run.tasks[0].status), run.tasks[0].status


def test_a_domain_whose_features_fail_stops_no_model_of_another(local_bundle, models, second):
    """A key that occurs twice; the last test, since the gold table stays like that."""
    models = {name: model for name, model in models.items() if name != "stay"}
    domain = next(iter(models.values()))["domain"]
    gold_table = f"{local_bundle.gold}.{domain}"
    local_bundle.sql(f"INSERT INTO {gold_table} SELECT * FROM {gold_table} LIMIT 1")
    for job, prefix in (("ml_training_pipeline", "train"), ("ml_inference_pipeline", "score")):
        features = [f"features_{name}" for name in sorted(set(domains(models).values()))]
        tasks = [*features, *[f"{prefix}_{name}" for name in models], "pipeline_status"]
        failed = local_bundle.run(job, tasks)
        statuses = {task.key: task.status for task in failed.tasks}
        assert failed.failed
        for name, model in models.items():
            status = statuses[f"{prefix}_{name}"]
            if model["domain"] == domain:
                assert status.startswith(f"FAILED: the features of {domain} were not refreshed, FAILED: ")
                assert "occurs more than once" in status
                assert f"{prefix}_{name}: {status}"[:60] in statuses["pipeline_status"]
            else:
                assert status == "SUCCESS"


def test_a_run_of_some_tasks_has_a_status_of_its_own(local_bundle):
    run = local_bundle.run("ml_inference_pipeline", only=["pipeline_status"])
    assert run.tasks[0].status == "SUCCESS"
    assert "NOT RUN: it is no part of this run" in run.tasks[0].log.read_text()
