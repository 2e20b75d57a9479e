"""The tables of test_rules_catch.py: breakage -> the sentence, and what an owner may well do.

A row of BREAKAGES is the rule that is broken, the edits that break it, and what the rule says then.
An edit is a file of the bundle, what stands there, and what stands there afterwards; the first None
writes a new file, the second None removes it. Line numbers in a sentence are N.
"""

import json

from conftest import REPOSITORY

PINS = json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))["_pins"]
MLFLOW, XGBOOST = f"mlflow=={PINS['mlflow']}", f"xgboost=={PINS['xgboost']}"

BUNDLE = "databricks.yml"
ENVIRONMENT = "resources/ml/ml_environment.yml"
FEATURES = "resources/ml/ml_feature_pipeline.yml"
TRAINING = "resources/ml/ml_training_pipeline.yml"
INFERENCE = "resources/ml/ml_inference_pipeline.yml"
CHURN = "src/my_project_ml/sales/train_churn.py"
REVENUE = "src/my_project_ml/sales/train_revenue.py"
OUTLIERS = "src/my_project_ml/ops/train_outliers.py"
SCORE = "src/my_project_ml/inference/score_model.py"
MAKE_FEATURES = "src/my_project_ml/features/create_feature_tables.py"
GATE = "src/my_project_ml/pipeline_status.py"

IN_INFERENCE = f"{INFERENCE}, environment ml_inference of ml_inference_pipeline"
IN_FEATURES = f"{FEATURES}, environment default of ml_feature_pipeline"
DEPENDENCIES = "dependencies: ${var.ml_dependencies}"
VERSION = "environment_version: ${var.environment_version}"
LOCK = '[[package]]\nname = "mlflow"\nversion = "3.8.1"\n'
PINS_OF_THE_BUNDLE = [
    (
        "every_package_is_pinned_exactly",
        [(ENVIRONMENT, MLFLOW, "mlflow>=3.7")],
        f"{ENVIRONMENT}:N: mlflow>=3.7 is no exact pin; write it as name==version",
    ),
    (
        "every_package_is_pinned_exactly",
        [(ENVIRONMENT, MLFLOW, "mlflow==3.*")],
        f"{ENVIRONMENT}:N: mlflow==3.* is no exact pin; write it as name==version",
    ),
    (
        "every_package_is_pinned_exactly",
        [(ENVIRONMENT, XGBOOST, "xgboost")],
        f"{ENVIRONMENT}:N: xgboost is no exact pin; write it as name==version",
    ),
    (
        "every_package_is_pinned_exactly",
        [(INFERENCE, DEPENDENCIES, "")],
        f"{IN_INFERENCE}: no list of dependencies, so nothing is pinned; write {DEPENDENCIES}",
    ),
    (
        "every_package_is_pinned_exactly",
        [(INFERENCE, DEPENDENCIES, "dependencies: ['${var.ml_dependencies}', shap==0.46.0]")],
        f"{IN_INFERENCE}: the Databricks CLI drops a list within dependencies; write {DEPENDENCIES} alone",
    ),
    (
        "every_package_of_a_notebook_is_pinned",
        [(ENVIRONMENT, f"      - {XGBOOST}\n", "")],
        f"{REVENUE}:N: xgboost is not pinned for task train_revenue; "
        f"add it as name==version to ml_dependencies in {ENVIRONMENT}",
    ),
    (
        "every_package_of_a_notebook_is_pinned",
        [(SCORE, "import mlflow\n", "import mlflow\nimport shap\n")],
        f"{SCORE}:N: shap is not pinned for task score_churn; "
        f"add it as name==version to ml_dependencies in {ENVIRONMENT}",
    ),
    (
        "training_and_inference_have_the_same_packages",
        [(INFERENCE, DEPENDENCIES, "dependencies: [mlflow==3.8.1]")],
        f"{IN_INFERENCE}: mlflow is 3.8.1, but {PINS['mlflow']} in {IN_FEATURES}; "
        f"write {DEPENDENCIES} in both",
    ),
    (
        "training_and_inference_have_the_same_packages",
        [(INFERENCE, DEPENDENCIES, f"dependencies: [{MLFLOW}]")],
        f"{IN_INFERENCE}: xgboost is missing, but {PINS['xgboost']} in {IN_FEATURES}; "
        f"write {DEPENDENCIES} in both",
    ),
    (
        "training_and_inference_have_the_same_packages",
        [(INFERENCE, VERSION, "environment_version: '5'")],
        f"{IN_INFERENCE}: environment 5, but 4 in {IN_FEATURES}; write {VERSION} in both",
    ),
    (
        "laptops_and_ci_have_the_same_packages",
        [("pyproject.toml", MLFLOW, "mlflow==3.8.1")],
        f"pyproject.toml: mlflow is ==3.8.1, but =={PINS['mlflow']} in {ENVIRONMENT}:N; "
        "write the same pin in both",
    ),
    (
        "laptops_and_ci_have_the_same_packages",
        [("pyproject.toml", f'    "{XGBOOST}",\n', "")],
        f"pyproject.toml: xgboost is missing, but =={PINS['xgboost']} in {ENVIRONMENT}:N; "
        "write the same pin in both",
    ),
    (
        "laptops_and_ci_have_the_same_packages",
        [(ENVIRONMENT, MLFLOW, "mlflow==3.8.1")],
        f"pyproject.toml: mlflow is =={PINS['mlflow']}, but ==3.8.1 in {ENVIRONMENT}:N; "
        "write the same pin in both",
    ),
    (
        "the_lock_has_the_same_packages",
        [("uv.lock", None, LOCK)],
        f"uv.lock: mlflow is 3.8.1, but pyproject.toml asks for {MLFLOW}; run uv lock",
    ),
    (
        "the_lock_has_the_same_packages",
        [("uv.lock", None, LOCK)],
        f"uv.lock: xgboost is missing, but pyproject.toml asks for {XGBOOST}; run uv lock",
    ),
    (
        "every_environment_has_a_version",
        [(TRAINING, VERSION, "")],
        f"{TRAINING}, environment default of ml_training_pipeline: environment_version is missing; "
        f"write {VERSION}, a whole number",
    ),
    (
        "every_environment_has_a_version",
        [(ENVIRONMENT, 'default: "4"', "default: 4.0")],
        f"{IN_INFERENCE}: environment_version is 4.0; write {VERSION}, a whole number",
    ),
]

UNKNOWN_VARIABLE = "correct the name, or declare it under variables in databricks.yml"
FILES_OF_THE_BUNDLE = [
    (
        "every_yaml_file_can_be_read",
        [(TRAINING, "resources:", "resources: [")],
        f"{TRAINING}:N: from here on it is no YAML; correct it",
    ),
    (
        "every_include_finds_files",
        [(BUNDLE, "  - resources/ml/*.yml", "  - resources/ml/*.yml\n  - resources/more/*.yml")],
        f"{BUNDLE}: include resources/more/*.yml matches no file; correct or remove it",
    ),
    (
        "every_resource_file_is_included",
        [("resources/report.yml", None, "{}\n")],
        "resources/report.yml: no include of databricks.yml matches it, so it is not deployed; add it there",
    ),
    (
        "every_target_has_a_mode",
        [(BUNDLE, "    mode: development\n", "")],
        f"{BUNDLE}, target dev: mode is missing; write mode: development or mode: production",
    ),
    (
        "every_reference_leads_somewhere",
        [(TRAINING, "default: ${var.catalog}", "default: ${var.catalgo}")],
        f"{TRAINING}:N: ${{var.catalgo}} is not defined; {UNKNOWN_VARIABLE}",
    ),
    (
        "every_reference_leads_somewhere",
        [(BUNDLE, "  service_principal:\n", "  principal:\n")],
        f"{BUNDLE}:N: ${{var.service_principal}} is not defined; {UNKNOWN_VARIABLE}",
    ),
    (
        "every_reference_leads_somewhere",
        [(TRAINING, "ml_feature_pipeline.id", "ml_features.id")],
        f"{TRAINING}:N: ${{resources.jobs.ml_features.id}} is no resource of this bundle; correct the name",
    ),
    (
        "every_variable_has_a_value_in_every_target",
        [(BUNDLE, "      catalog: staging\n", "")],
        f"{BUNDLE}, target staging: variable catalog has no value there and no default; "
        "give it one of the two",
    ),
    (
        "no_experiment_is_defined_in_the_bundle",
        [
            (
                "resources/ml/ml_experiments.yml",
                None,
                "resources: {experiments: {churn: {name: /Shared/churn}}}\n",
            )
        ],
        "resources/ml/ml_experiments.yml: experiment churn is defined in the bundle, which doubles it as "
        "[dev user] churn; remove it, the notebook creates /Shared/{project}_ml_{model_name}",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(CHURN, None, None)],
        f"{TRAINING}, task train_churn: notebook {CHURN} does not exist; correct notebook_path",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(CHURN, "# Databricks notebook source\n", "")],
        f"{CHURN}:N: it is no notebook to Databricks; make '# Databricks notebook source' its first line",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [
            (TRAINING, "train_churn.py", "train_churn.ipynb"),
            (CHURN.replace(".py", ".ipynb"), None, "{}"),
        ],
        f"{CHURN.replace('.py', '.ipynb')}: the rules read notebooks in .py form only; "
        "save it as a source file",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(BUNDLE, "    - tests/**\n", "    - tests/**\n    - src/**/train_*.py\n")],
        f"{TRAINING}, task train_churn: src/**/train_*.py of sync.exclude keeps notebook {CHURN} "
        "from being uploaded; narrow that pattern",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(".gitignore", ".venv/\n", ".venv/\nsales/\n")],
        f"{TRAINING}, task train_churn: sales/ of .gitignore keeps notebook {CHURN} "
        "from being uploaded; narrow that pattern",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(BUNDLE, "sync:\n", "sync:\n  paths: [resources]\n")],
        f"{TRAINING}, task train_churn: sync.paths keeps notebook {CHURN} "
        "from being uploaded; narrow that pattern",
    ),
]

TRAIN_CHURN = "        - task_key: train_churn\n"
TRAIN_REVENUE = "        - task_key: train_revenue\n"
SCHEDULE = '        quartz_cron_expression: "0 0 3 ? * SUN"\n'
CRON = f"{TRAINING}, job ml_training_pipeline: the schedule "
JOBS = [
    (
        "no_key_is_given_twice",
        [(TRAINING, TRAIN_CHURN, TRAIN_REVENUE)],
        f"{TRAINING}, job ml_training_pipeline: task_key train_revenue is given 2 times, "
        "which the Databricks CLI merges into one; give each its own",
    ),
    (
        "every_task_has_an_environment_of_its_job",
        [(TRAINING, "          environment_key: default", "          environment_key: defualt")],
        f"{TRAINING}, task train_revenue: the job has no environment_key defualt; "
        "write one that it has: default",
    ),
    (
        "every_task_has_an_environment_of_its_job",
        [(TRAINING, "          environment_key: default\n", "")],
        f"{TRAINING}, task train_revenue: without environment_key it runs without the pins; "
        "add one of default",
    ),
    (
        "every_dependency_is_a_task_of_the_job",
        [
            (
                TRAINING,
                "            - task_key: refresh_features",
                "            - task_key: refresh_feature",
            )
        ],
        f"{TRAINING}, task train_revenue: it depends on refresh_feature, no task of this job; "
        "correct depends_on",
    ),
    (
        "no_tasks_wait_for_each_other",
        [
            (
                TRAINING,
                "          run_job_task:",
                "          depends_on: [{task_key: train_churn}]\n          run_job_task:",
            )
        ],
        f"{TRAINING}, task refresh_features: refresh_features, train_churn wait for each other, "
        "so none begins; correct depends_on",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, "model_name: churn", 'model_name: "{{job.parameters.model}}"')],
        f"{TRAINING}, task train_churn: {{{{job.parameters.model}}}} is no parameter of the job, "
        "which has catalog, gold_schema, feature_schema, project; correct it, or declare it",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, "{{tasks.train_churn.result_state}}", "{{tasks.train_chrun.result_state}}")],
        f"{TRAINING}, task pipeline_status: {{{{tasks.train_chrun.result_state}}}} refers to no task "
        "of the job; correct its key",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, "model_name: churn", 'model_name: "{{tasks.train_revenue.values.name}}"')],
        f"{TRAINING}, task train_churn: {{{{tasks.train_revenue.values.name}}}} refers to a task "
        "that need not have ended by then; add it to depends_on",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, "{{job.run_id}}", "{{jobs.run_id}}")],
        f"{TRAINING}, task pipeline_status: {{{{jobs.run_id}}}} is no reference that Databricks knows; "
        "begin it with one of job, task, tasks, workspace, backfill, input",
    ),
    (
        "nothing_runs_on_schedule_in_development",
        [(TRAINING, SCHEDULE, f"{SCHEDULE}        pause_status: UNPAUSED\n")],
        f"{TRAINING}, job ml_training_pipeline: pause_status UNPAUSED makes every developer's copy run by "
        "itself; remove that line, staging and prod run without it",
    ),
    (
        "nothing_runs_on_schedule_in_development",
        [(BUNDLE, "    default: true\n", "    presets: {trigger_pause_status: UNPAUSED}\n")],
        f"{BUNDLE}, target dev: trigger_pause_status is UNPAUSED; remove that line",
    ),
    (
        "every_job_called_is_given_its_own_parameters",
        [
            (
                TRAINING,
                "ml_feature_pipeline.id}\n",
                "ml_feature_pipeline.id}\n            job_parameters: {schema: x}\n",
            )
        ],
        f"{TRAINING}, task refresh_features: schema is no parameter of job ml_feature_pipeline, "
        "which has catalog, gold_schema, feature_schema; correct job_parameters",
    ),
    (
        "every_widget_is_given",
        [(INFERENCE, "              domain: sales\n", "")],
        f"{SCORE}:N: widget domain is read here but not given by {INFERENCE}, task score_revenue; "
        "add it to base_parameters there, or to the job's parameters",
    ),
    (
        "every_widget_is_given",
        [(CHURN, 'dbutils.widgets.get("project")', 'dbutils.widgets.get("projcet")')],
        f"{CHURN}:N: widget projcet is read here but not given by {TRAINING}, task train_churn; "
        "add it to base_parameters there, or to the job's parameters",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "timeout_seconds: 7200", "timeout_second: 7200")],
        f"{TRAINING}, job ml_training_pipeline: tasks.refresh_features.timeout_second is no field that "
        "Databricks knows; write timeout_seconds",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "run_if: ALL_DONE", "run_if: ALWAYS")],
        f"{TRAINING}, job ml_training_pipeline: tasks.pipeline_status.run_if is 'ALWAYS', which Databricks "
        "does not know; write ALL_DONE or ALL_FAILED or ALL_SUCCESS or AT_LEAST_ONE_FAILED or "
        "AT_LEAST_ONE_SUCCESS or NONE_FAILED",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "timeout_seconds: 7200", "timeout_seconds: 2h")],
        f"{TRAINING}, job ml_training_pipeline: tasks.refresh_features.timeout_seconds is '2h'; "
        "write a value of type int",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "        timezone_id: UTC\n", "")],
        f"{TRAINING}, job ml_training_pipeline: schedule.timezone_id is missing; add it",
    ),
    (
        "every_schedule_is_a_quartz_expression",
        [(TRAINING, '"0 0 3 ? * SUN"', '"0 3 * * 7"')],
        f"{CRON}'0 3 * * 7' is no Quartz expression, it has 5 fields; write seconds, minutes, hours, "
        "day of month, month, day of week and, if you want, year",
    ),
    (
        "every_schedule_is_a_quartz_expression",
        [(TRAINING, '"0 0 3 ? * SUN"', '"0 0 3 * * *"')],
        f"{CRON}'0 0 3 * * *' is no Quartz expression, only one of day of month and day of week can be set; "
        "write ? for the other one of the two",
    ),
    (
        "every_schedule_is_a_quartz_expression",
        [(TRAINING, '"0 0 3 ? * SUN"', '"0 0 25 ? * SUN"')],
        f"{CRON}'0 0 25 ? * SUN' is no Quartz expression, 25 is no hours; "
        "write a value of 0 to 23, a range, a step or *",
    ),
]

GATE_TASK = "        - task_key: pipeline_status\n"
IN_GATE = f"{TRAINING}, task pipeline_status"
STATUS_GATE = [
    (
        "every_job_ends_in_a_status_gate",
        [
            (
                TRAINING,
                "src/my_project_ml/pipeline_status.py",
                "src/my_project_ml/ops/train_outliers.py",
            )
        ],
        f"{TRAINING}, job ml_training_pipeline: without a status gate its run is green "
        "when a notebook fails; add a task pipeline_status that runs pipeline_status.py",
    ),
    (
        "the_status_gate_runs_in_any_case",
        [(TRAINING, "          run_if: ALL_DONE\n", "")],
        f"{IN_GATE}: run_if is missing, so the status gate is left out when a task before it fails; "
        "write run_if: ALL_DONE",
    ),
    (
        "the_status_gate_waits_for_every_task",
        [(TRAINING, "            - task_key: train_churn\n", "")],
        f"{IN_GATE}: the status gate does not wait for train_churn; add it to depends_on",
    ),
    (
        "the_status_gate_is_told_every_result",
        [(TRAINING, "                train_churn: {{tasks.train_churn.result_state}}\n", "")],
        f"{IN_GATE}: its results say nothing of train_churn; "
        "add the line train_churn: {{tasks.train_churn.result_state}}",
    ),
    (
        "the_status_gate_is_red_at_once",
        [(TRAINING, "          max_retries: 0\n", "")],
        f"{IN_GATE}: the status gate is retried when it fails; "
        "write max_retries: 0 and disable_auto_optimization: true",
    ),
    (
        "the_status_gate_is_red_at_once",
        [(TRAINING, "      max_concurrent_runs: 1\n", "      timeout_seconds: 60\n")],
        f"{TRAINING}, job ml_training_pipeline: timeout_seconds of the job ends the status gate too; "
        "give each task its own timeout_seconds",
    ),
    (
        "the_status_gate_raises",
        [(GATE, "raise RuntimeError", "print")],
        f"{GATE}: it never raises, so the run stays green; raise when a task has FAILED",
    ),
]

COPY = "copy the helper into the notebook"
SET_STATUS = 'dbutils.jobs.taskValues.set(key="status", value=status)\n'
EXIT = "dbutils.notebook.exit(status)\n"
WRITE_SET = 'write dbutils.jobs.taskValues.set(key="status", value=status) at module level'
WRITE_EXIT = "write dbutils.notebook.exit(status) as the last statement"
ANY_NOTEBOOK = [
    (
        "every_notebook_is_python",
        [(CHURN, "def train() -> str:", "def train() -> str")],
        f"{CHURN}:N: this is no valid Python (expected ':'); correct the line",
    ),
    (
        "no_notebook_imports_from_the_bundle",
        [
            (
                CHURN,
                "import mlflow\n",
                "import mlflow\nfrom my_project_ml.helpers import get_run_name\n",
            )
        ],
        f"{CHURN}:N: my_project_ml.helpers is not found by a deployed notebook; {COPY}",
    ),
    (
        "no_notebook_imports_from_the_bundle",
        [(CHURN, "import mlflow\n", "import mlflow\nfrom ..helpers import get_run_name\n")],
        f"{CHURN}:N: ..helpers is not found by a deployed notebook; {COPY}",
    ),
    (
        "no_notebook_imports_from_the_bundle",
        [(CHURN, "import mlflow\n", "import mlflow\nfrom train_revenue import get_run_name\n")],
        f"{CHURN}:N: train_revenue is not found by a deployed notebook; {COPY}",
    ),
    (
        "no_notebook_imports_from_the_bundle",
        [(CHURN, "import mlflow\n", 'import mlflow\nimport sys\nsys.path.append("..")\n')],
        f"{CHURN}:N: sys.path does not help a deployed notebook; {COPY}",
    ),
    (
        "no_notebook_runs_another",
        [(CHURN, "# COMMAND ----------\n", "# COMMAND ----------\n\n# MAGIC %run ../helpers\n")],
        f"{CHURN}:N: %run does not find its notebook once deployed; {COPY}",
    ),
    (
        "no_notebook_reads_a_command_line",
        [(SCORE, "import mlflow\n", "import argparse\n\nimport mlflow\n")],
        f"{SCORE}:N: argparse and sys.argv read a command line, which no task has; "
        'read its parameters by dbutils.widgets.get("name")',
    ),
    (
        "no_notebook_reads_a_command_line",
        [
            (SCORE, "import mlflow\n", "import sys\n\nimport mlflow\n"),
            (SCORE, "return str(", "return sys.argv[1] or ("),
        ],
        f"{SCORE}:N: argparse and sys.argv read a command line, which no task has; "
        'read its parameters by dbutils.widgets.get("name")',
    ),
    (
        "no_notebook_stops_spark",
        [(MAKE_FEATURES, SET_STATUS, f"spark.stop()\n{SET_STATUS}")],
        f"{MAKE_FEATURES}:N: spark.stop() keeps the exit word from arriving; remove it",
    ),
    (
        "every_notebook_ends_with_its_exit_word",
        [(CHURN, EXIT, "")],
        f"{CHURN}: the exit word is missing; {WRITE_EXIT}",
    ),
    (
        "every_notebook_ends_with_its_exit_word",
        [
            (
                CHURN,
                "    status = train()\n",
                "    status = train()\n    dbutils.notebook.exit(status)\n",
            )
        ],
        f"{CHURN}:N: dbutils.notebook.exit in a try may be caught or left out; "
        f"set status there, and {WRITE_EXIT}",
    ),
    (
        "every_notebook_ends_with_its_exit_word",
        [(CHURN, "        promotion = promote(", f"        {EXIT}        promotion = promote(")],
        f"{CHURN}:N: dbutils.notebook.exit in a with may be caught or left out; "
        f"set status there, and {WRITE_EXIT}",
    ),
    (
        "every_notebook_ends_with_its_exit_word",
        [(CHURN, EXIT, f'{EXIT}print("done")\n')],
        f"{CHURN}:N: what follows dbutils.notebook.exit is never run; {WRITE_EXIT}",
    ),
    (
        "every_notebook_sets_its_status_once",
        [(CHURN, SET_STATUS, "")],
        f"{CHURN}: the task value status, which the gate reads, is missing; {WRITE_SET}",
    ),
    (
        "every_notebook_sets_its_status_once",
        [(CHURN, SET_STATUS, f"if True:\n    {SET_STATUS}")],
        f"{CHURN}:N: the task value status is set in an if, so not always; {WRITE_SET}",
    ),
    (
        "every_notebook_sets_its_status_once",
        [(CHURN, SET_STATUS, SET_STATUS * 2)],
        f"{CHURN}:N: the task value status is set again; {WRITE_SET}, once",
    ),
    (
        "exit_word_and_task_value_are_the_same",
        [(CHURN, EXIT, 'dbutils.notebook.exit("SUCCESS")\n')],
        f"{CHURN}:N: exit word and task value may differ; give both the same name, status",
    ),
    (
        "every_status_is_a_word_that_the_gate_knows",
        [(CHURN, '    return "SUCCESS"\n', '    return "OK"\n')],
        f"{CHURN}:N: 'OK' is no status that the gate knows; begin it with SUCCESS, 'SKIPPED: ' or 'FAILED: '",
    ),
    (
        "no_failure_is_hidden",
        [(CHURN, "    status = f\"FAILED: {' '.join(str(error).split())}\"[:1000]\n", "")],
        f'{CHURN}:N: this except hides a failure from the gate; write status = f"FAILED: {{error}}" in it',
    ),
]

WITH_HELPER = "copy it from another training notebook, since a deployed notebook cannot import it"
TRAINING_NOTEBOOKS = [
    (
        "every_training_notebook_has_the_helpers",
        [(CHURN, "def get_standard_tags(", "def get_tags(")],
        f"{CHURN}: helper get_standard_tags is missing; {WITH_HELPER}",
    ),
    (
        "every_training_notebook_has_the_helpers",
        [(CHURN, "= setup_mlflow_experiment(project, model_name)", '= "0"')],
        f"{CHURN}:N: helper setup_mlflow_experiment is defined but never called; call it in the training",
    ),
    (
        "helpers_are_the_same_in_every_training_notebook",
        [(CHURN, 'version: str = "v1"', 'version: str = "v2"')],
        f"{CHURN}:N: helper get_run_name is not the same as in {OUTLIERS}; "
        "copy the one you want to every training notebook",
    ),
    (
        "every_training_notebook_is_run_by_a_task",
        [(TRAINING, "train_churn.py", "train_revenue.py")],
        f"{CHURN}: no task runs it; add one to {TRAINING}",
    ),
    (
        "autolog_is_disabled",
        [(CHURN, "mlflow.autolog(disable=True)\n", "")],
        f"{CHURN}: autolog is not disabled; write mlflow.autolog(disable=True) at module level",
    ),
    (
        "autolog_is_disabled",
        [
            (
                CHURN,
                "        model = new_model()",
                "        mlflow.xgboost.autolog()\n        model = new_model()",
            )
        ],
        f"{CHURN}:N: mlflow.xgboost.autolog is switched on; write mlflow.autolog(disable=True)",
    ),
    (
        "the_registry_is_set_at_module_level",
        [(SCORE, 'mlflow.set_registry_uri("databricks-uc")\n', "")],
        f"{SCORE}: the registry URI is not set at module level, once; "
        'write mlflow.set_registry_uri("databricks-uc") there',
    ),
    (
        "the_registry_is_set_at_module_level",
        [
            (
                CHURN,
                'mlflow.set_registry_uri("databricks-uc")\n',
                'if True:\n    mlflow.set_registry_uri("databricks")\n',
            )
        ],
        f"{CHURN}:N: the registry URI is not set at module level, once; "
        'write mlflow.set_registry_uri("databricks-uc") there',
    ),
    (
        "experiments_are_shared_and_named_after_project_and_model",
        [(CHURN, 'f"/Shared/{project}_ml_{model_name}"', 'f"/Users/me/{project}_ml/{model_name}"')],
        f"{CHURN}:N: the experiment is not below /Shared, named after project and model; "
        'write f"/Shared/{project}_ml_{model_name}"',
    ),
    (
        "experiments_are_shared_and_named_after_project_and_model",
        [(CHURN, 'f"/Shared/{project}_ml_{model_name}"', '"/Shared/my_project_ml_churn"')],
        f"{CHURN}:N: the experiment is not below /Shared, named after project and model; "
        'write f"/Shared/{project}_ml_{model_name}"',
    ),
    (
        "experiments_are_shared_and_named_after_project_and_model",
        [
            (
                CHURN,
                "mlflow.set_experiment(f",
                "mlflow.MlflowClient().create_experiment('/Users/me/x' or f",
            )
        ],
        f"{CHURN}:N: the experiment is not below /Shared, named after project and model; "
        'write f"/Shared/{project}_ml_{model_name}"',
    ),
    (
        "the_dataset_is_logged_inside_the_run",
        [
            (
                CHURN,
                "    run_name = get_run_name(",
                "    log_training_dataset(gold)\n    run_name = get_run_name(",
            )
        ],
        f"{CHURN}:N: log_training_dataset outside the run logs the dataset to no run; "
        "move it into `with mlflow.start_run(...)`",
    ),
    (
        "metrics_are_linked_to_model_and_dataset",
        [
            (
                CHURN,
                "mlflow.log_metrics(metrics, model_id=logged.model_id, dataset=gold)",
                "mlflow.log_metrics(metrics)",
            )
        ],
        f"{CHURN}: the logged model shows neither metrics nor dataset; write mlflow.log_metrics(metrics, "
        "model_id=logged.model_id, dataset=gold) inside the run",
    ),
    (
        "no_label_is_among_the_features",
        [(FEATURES, 'labels: "revenue,churn"', 'labels: "revenue"')],
        f"{CHURN}:N: label churn is not among the labels of {FEATURES}, task features_sales, "
        "so it would be one of the features; add it there",
    ),
    (
        "no_label_is_among_the_features",
        [(CHURN, 'LABEL = "churn"', 'LABEL = "has_left"')],
        f"{CHURN}:N: label has_left is not among the labels of {FEATURES}, task features_sales, "
        "so it would be one of the features; add it there",
    ),
    (
        "no_label_is_among_the_features",
        [(CHURN, 'DOMAIN = "sales"', 'DOMAIN = "shop"')],
        f"{CHURN}: no task makes the features of shop; add one to the feature pipeline",
    ),
    (
        "no_label_is_among_the_features",
        [(CHURN, 'LABEL = "churn"', "LABEL = MODEL_TYPE")],
        f"{CHURN}: DOMAIN or LABEL is not plain text at module level; write it as such",
    ),
]

OF_CHAMPION = 'write f"models:/{registered_model}/{version}" with that version'
SCORING_NOTEBOOKS = [
    (
        "the_version_that_scores_is_the_champion",
        [
            (
                SCORE,
                'f"models:/{registered_model}/{version}"',
                'f"models:/{registered_model}@champion"',
            )
        ],
        f"{SCORE}:N: models:/{{registered_model}}@champion is not the version of alias champion, "
        f"resolved once; {OF_CHAMPION}",
    ),
    (
        "the_version_that_scores_is_the_champion",
        [(SCORE, "version = champion_version()", 'version = "3"')],
        f"{SCORE}:N: models:/{{registered_model}}/{{version}} is not the version of alias champion, "
        f"resolved once; {OF_CHAMPION}",
    ),
    (
        "the_version_that_scores_is_the_champion",
        [(SCORE, 'aliases["champion"]', 'aliases["challenger"]')],
        f"{SCORE}:N: models:/{{registered_model}}/{{version}} is not the version of alias champion, "
        f"resolved once; {OF_CHAMPION}",
    ),
    (
        "only_score_batch_scores",
        [(SCORE, "FeatureEngineeringClient().score_batch(", "score_all(")],
        f"{SCORE}: it does not score; call FeatureEngineeringClient().score_batch",
    ),
    (
        "only_score_batch_scores",
        [(SCORE, "    keys = keys_to_score()\n", "    keys = mlflow.pyfunc.load_model(version)\n")],
        f"{SCORE}:N: mlflow.pyfunc.load_model does not look features up; score by score_batch alone",
    ),
]

BREAKAGES = [
    *PINS_OF_THE_BUNDLE,
    *FILES_OF_THE_BUNDLE,
    *JOBS,
    *STATUS_GATE,
    *ANY_NOTEBOOK,
    *TRAINING_NOTEBOOKS,
    *SCORING_NOTEBOOKS,
]

NEW_JOB = """\
resources:
  jobs:
    report:  # ${var.nothing} and {{tasks.nothing.values.x}} in a comment are none
      name: report
      trigger: {periodic: {interval: 1, unit: DAYS}}
      parameters: [{name: day, default: "{{job.start_time.iso_date}}"}]
      environments:
        - environment_key: own
          spec:
            VERSION
            DEPENDENCIES
      tasks:
        - task_key: each
          for_each_task:
            inputs: '["a", "b"]'
            task:
              task_key: one
              environment_key: own
              notebook_task: {notebook_path: ../../src/report.py, base_parameters: {name: "{{input}}"}}
        - task_key: pipeline_status
          depends_on: [{task_key: each}]
          run_if: ALL_DONE
          max_retries: 0
          disable_auto_optimization: true
          environment_key: own
          notebook_task:
            notebook_path: ../../src/my_project_ml/pipeline_status.py
            base_parameters: {run_id: "{{job.run_id}}", results: "each: {{tasks.each.result_state}}"}
""".replace("VERSION", VERSION).replace("DEPENDENCIES", DEPENDENCIES)
NEW_NOTEBOOK = f"""\
# Databricks notebook source
import json

dbutils.widgets.text("format", "html")
wanted = (dbutils.widgets.get("name"), dbutils.widgets.get("day"), dbutils.widgets.get("format"))
print(json.dumps(wanted))
status: str = "SUCCESS"
{SET_STATUS}{EXIT}"""
NEW_TASK = """\
        - task_key: train_copy
          depends_on: [{task_key: refresh_features}]
          notebook_task:
            notebook_path: ../../src/my_project_ml/sales/train_revenue.py
            base_parameters: {model_name: copy}
          environment_key: default
        - task_key: pipeline_status
          depends_on:
            - task_key: train_copy
"""
PATH = 'f"/Shared/{project}_ml_{model_name}"'
PATH_IN_A_VARIABLE = (
    f"experiment = mlflow.set_experiment({PATH})",
    f"path = {PATH}\n    experiment = mlflow.set_experiment(path)",
)
ALLOWED = {
    "a job of one's own, with a notebook of one's own": [
        ("resources/ml/report.yml", None, NEW_JOB),
        ("src/report.py", None, NEW_NOTEBOOK),
    ],
    "a task more": [
        (TRAINING, "        - task_key: pipeline_status\n          depends_on:\n", NEW_TASK),
        (
            TRAINING,
            "              results: |\n",
            "              results: |\n                train_copy: {{tasks.train_copy.result_state}}\n",
        ),
    ],
    "a schedule that runs in prod, written there": [
        (
            BUNDLE,
            "  prod:\n",
            "  prod:\n    resources: {jobs: {ml_training_pipeline: {schedule: {pause_status: UNPAUSED}}}}\n",
        )
    ],
    "one more target": [
        (
            BUNDLE,
            "  staging:\n",
            "  test:\n    mode: development\n    variables: {catalog: test}\n  staging:\n",
        )
    ],
    "a wheel of one's own": [
        (
            ENVIRONMENT,
            f"      - {MLFLOW}",
            f"      - ../../dist/shop-1-py3-none-any.whl\n      - {MLFLOW}",
        )
    ],
    "one more package, pinned everywhere": [
        (ENVIRONMENT, f"      - {MLFLOW}", f"      - shap==0.46.0\n      - {MLFLOW}"),
        ("pyproject.toml", f'    "{MLFLOW}"', f'    "shap==0.46.0",\n    "{MLFLOW}"'),
        (
            "uv.lock",
            '[[package]]\nname = "mlflow"',
            '[[package]]\nname = "shap"\nversion = "0.46.0"\n\n[[package]]\nname = "mlflow"',
        ),
        (CHURN, "import mlflow\n", "import mlflow\nimport shap\n"),
    ],
    "another evaluation in one notebook": [(CHURN, '"f1": ', '"f1_score": ')],
    "another label, named in both places": [
        (CHURN, 'LABEL = "churn"', 'LABEL: str = "has_left"'),
        (FEATURES, "revenue,churn", "revenue, has_left"),
    ],
    "a task value more": [(CHURN, SET_STATUS, f'dbutils.jobs.taskValues.set("rows", 1)\n{SET_STATUS}')],
    "a module that is no notebook": [("src/my_project_ml/shared.py", None, "VALUE = 1\n")],
    "the experiment's path in a variable": [
        (file, *PATH_IN_A_VARIABLE) for file in (CHURN, REVENUE, OUTLIERS)
    ],
    "the sample data deleted": [("resources/ml/ml_sample_data.yml", None, None)],
    "variables left empty": [("resources/ml/more.yml", None, "variables:\nresources:\n  jobs:\n")],
    "a cron of ranges, steps and names": [
        (TRAINING, '"0 0 3 ? * SUN"', '"0 0/15 8-18 L-2 JAN,JUL ? 2026-2030"')
    ],
    "a cron of the last Friday": [(TRAINING, '"0 0 3 ? * SUN"', '"0 30 3 ? * FRIL"')],
}
