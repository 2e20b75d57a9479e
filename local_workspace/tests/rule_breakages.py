"""The tables of test_rules_catch.py: breakage -> the sentence, and what an owner may well do.

A row of BREAKAGES is the rule that is broken, the edits that break it, and what the rule says then.
An edit is a file of the bundle, what stands there, and what stands there afterwards; the first None
writes a new file, the second None removes it. A line number in a sentence is given by «its text», or
by «a text above > its text».
"""

import json
from textwrap import indent

from rendered import REPOSITORY

PINS = json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))["_pins"]["4"]
MLFLOW, XGBOOST = f"mlflow=={PINS['mlflow']}", f"xgboost=={PINS['xgboost']}"
XGBOOST_CPU = XGBOOST.replace("==", "-cpu==")

BUNDLE = "databricks.yml"
ENVIRONMENT = "resources/ml/ml_environment.yml"
LABELS = "resources/ml/ml_labels.yml"
TRAINING = "resources/ml/ml_training_pipeline.yml"
INFERENCE = "resources/ml/ml_inference_pipeline.yml"
MONITORING = "resources/ml/ml_monitoring_pipeline.yml"
CHURN = "src/my_project_ml/sales/train_churn.py"
REVENUE = "src/my_project_ml/sales/train_revenue.py"
OUTLIERS = "src/my_project_ml/ops/train_outliers.py"
SCORE = "src/my_project_ml/inference/score_model.py"
MAKE_FEATURES = "src/my_project_ml/features/create_feature_tables.py"
STATUS = "src/my_project_ml/pipeline_status.py"

FEATURES_SALES = "        - task_key: features_sales\n"
TRAIN_CHURN = "        - task_key: train_churn\n"
TRAIN_REVENUE = "        - task_key: train_revenue\n"
CALL = f"""\
        - task_key: score
          run_job_task:
            job_id: ${{resources.jobs.ml_inference_pipeline.id}}
            job_parameters: {{schema: x}}
{TRAIN_CHURN}"""
DEPENDENCIES = "dependencies: ${var.ml_dependencies}"
VERSION = "environment_version: ${var.environment_version}"
REVENUE_TASK = """\
              model_name: revenue
              features_status: "{{tasks.features_sales.values.status}}"
          environment_key: default
"""
ML_LIBRARIES = "\n".join(f"      - pypi: {{package: {name}=={pin}}}" for name, pin in PINS.items())


def on_a_cluster(cluster="data_security_mode: SINGLE_USER", libraries="libraries: ${var.ml_libraries}"):
    """The edits by which train_revenue learns by xgboost.spark, on a cluster with these settings."""
    job_clusters = f"job_clusters: [{{job_cluster_key: spark, new_cluster: {{{cluster}}}}}]"
    task = REVENUE_TASK.replace("environment_key: default", f"job_cluster_key: spark\n          {libraries}")
    variable = f"  ml_libraries:\n    type: complex\n    default:\n{ML_LIBRARIES}\n"
    return [
        (TRAINING, "      tasks:\n", f"      {job_clusters}\n      tasks:\n"),
        (TRAINING, REVENUE_TASK, task),
        (ENVIRONMENT, "  ml_dependencies:\n", f"{variable}  ml_dependencies:\n"),
        (
            REVENUE,
            "import XGBRegressor\n",
            "import XGBRegressor\nfrom xgboost.spark import SparkXGBRegressor\n",
        ),
    ]


LOCK = '[[package]]\nname = "mlflow"\nversion = "3.8.1"\n'
PINS_OF_THE_BUNDLE = [
    (
        "every_package_is_pinned_exactly",
        [("resources/ml/more.yml", None, "variables:\n  ml_dependencies:\n    default:\n      - shap\n")],
        "resources/ml/more.yml:«- shap»: shap is no exact pin; write it as name==version",
    ),
    (
        "every_package_is_pinned_exactly",
        [(INFERENCE, DEPENDENCIES, f"dependencies: [{MLFLOW}, xgboost]")],
        f"{INFERENCE}:«dependencies: [»: xgboost is no exact pin; write it as name==version",
    ),
    (
        "every_package_is_pinned_exactly",
        [(ENVIRONMENT, MLFLOW, "mlflow>=3.7")],
        f"{ENVIRONMENT}:«- mlflow>=3.7»: mlflow>=3.7 is no exact pin; write it as name==version",
    ),
    (
        "every_package_is_pinned_exactly",
        [(ENVIRONMENT, MLFLOW, "mlflow==3.*")],
        f"{ENVIRONMENT}:«- mlflow==3.*»: mlflow==3.* is no exact pin; write it as name==version",
    ),
    (
        "every_package_is_pinned_exactly",
        [(ENVIRONMENT, XGBOOST, "xgboost")],
        f"{ENVIRONMENT}:«- xgboost»: xgboost is no exact pin; write it as name==version",
    ),
    (
        "every_package_is_pinned_exactly",
        [(INFERENCE, DEPENDENCIES, "")],
        f"{INFERENCE}:«environment_version: ${{var.environment_versi»: ml_inference_pipeline has no list "
        f"of dependencies, so nothing is pinned; write {DEPENDENCIES}",
    ),
    (
        "every_package_is_pinned_exactly",
        [(INFERENCE, DEPENDENCIES, "dependencies: ['${var.ml_dependencies}', shap==0.46.0]")],
        f"{INFERENCE}:«dependencies: ['${{var.ml_dependencies}}', sha»: the CLI drops a list within "
        f"dependencies; write {DEPENDENCIES} alone",
    ),
    (
        "every_package_of_a_notebook_is_pinned",
        [(ENVIRONMENT, f"      - {XGBOOST}\n", "")],
        f"{REVENUE}:«from xgboost import XGBRegressor»: xgboost is not pinned; add it as name==version to "
        f"ml_dependencies in {ENVIRONMENT}, or copy a helper of your own into the notebook",
    ),
    (
        "every_package_of_a_notebook_is_pinned",
        [(CHURN, "def fit(train", "def explain():\n    import shap\n\n\ndef fit(train")],
        f"{CHURN}:«import shap»: shap is not pinned; add it as name==version to ml_dependencies in "
        f"{ENVIRONMENT}, or copy a helper of your own into the notebook",
    ),
    (
        "packages_names_what_a_model_is_made_of",
        [
            (REVENUE, "from xgboost import XGBRegressor", "from lightgbm import LGBMRegressor"),
            (REVENUE, "XGBRegressor(", "LGBMRegressor("),
            (ENVIRONMENT, f"      - {XGBOOST}\n", f"      - {XGBOOST}\n      - lightgbm==4.6.0\n"),
            ("pyproject.toml", f'    "{XGBOOST}",\n', f'    "{XGBOOST}",\n    "lightgbm==4.6.0",\n'),
        ],
        f"{REVENUE}:«from lightgbm import LGBMRegressor»: new_model uses lightgbm, which is not in PACKAGES; "
        "add it there, or the model cannot be loaded elsewhere",
    ),
    (
        "packages_names_what_a_model_is_made_of",
        [
            (REVENUE, "PACKAGES = [", "PACKAGES = []\nOTHERS = ["),
            (REVENUE, "model = XGBRegressor(", "model = BASE or XGBRegressor("),
            (REVENUE, 'LABEL = "revenue"', 'BASE = XGBRegressor()\nLABEL = "revenue"'),
        ],
        f"{REVENUE}:«from xgboost import XGBRegressor»: new_model uses xgboost, which is not in PACKAGES; "
        "add it there, or the model cannot be loaded elsewhere",
    ),
    (
        "packages_names_what_a_model_is_made_of",
        [
            (
                CHURN,
                "def new_model(",
                "def scaler():\n    import numexpr\n\n    return numexpr\n\n\ndef new_model(",
            ),
            (CHURN, "    text = list(features", "    scaler()\n    text = list(features"),
            (ENVIRONMENT, f"      - {XGBOOST}\n", f"      - {XGBOOST}\n      - numexpr==2.10.2\n"),
            ("pyproject.toml", f'    "{XGBOOST}",\n', f'    "{XGBOOST}",\n    "numexpr==2.10.2",\n'),
        ],
        f"{CHURN}:«import numexpr»: new_model uses numexpr, which is not in PACKAGES; add it there, or the "
        "model cannot be loaded elsewhere",
    ),
    (
        "every_package_of_a_notebook_is_pinned",
        [(SCORE, "import mlflow\n", "import mlflow\nimport shap\n")],
        f"{SCORE}:«import shap»: shap is not pinned; add it as name==version to ml_dependencies in "
        f"{ENVIRONMENT}, or copy a helper of your own into the notebook",
    ),
    (
        "training_and_inference_have_the_same_packages",
        [(INFERENCE, DEPENDENCIES, "dependencies: [mlflow==3.8.1]")],
        f"{INFERENCE}:«environment_version: ${{var.environment_versi»: other packages than in "
        f"{MONITORING}:«environment_version: ${{var.environment_versi»: aiohappyeyeballs, aiohttp, "
        "aiosignal, alembic, annotated-doc, azure-cosmos, blinker and 63 more; write "
        f"{DEPENDENCIES} and {VERSION} in both",
    ),
    (
        "training_and_inference_have_the_same_packages",
        [(INFERENCE, DEPENDENCIES, f"dependencies: [{MLFLOW}]")],
        f"{INFERENCE}:«environment_version: ${{var.environment_versi»: other packages than in "
        f"{MONITORING}:«environment_version: ${{var.environment_versi»: aiohappyeyeballs, aiohttp, "
        "aiosignal, alembic, annotated-doc, azure-cosmos, blinker and 62 more; write "
        f"{DEPENDENCIES} and {VERSION} in both",
    ),
    (
        "training_and_inference_have_the_same_packages",
        [(INFERENCE, VERSION, "environment_version: '5'")],
        f"{INFERENCE}:«environment_version: '5'»: other packages than in {MONITORING}:«environment_version: "
        f"${{var.environment_versi»: environment_version; write {DEPENDENCIES} and {VERSION} in both",
    ),
    (
        "every_package_is_pinned_exactly",
        [*on_a_cluster(), (ENVIRONMENT, f"{{package: {MLFLOW}}}", "{package: mlflow}")],
        f"{ENVIRONMENT}:«{{package: mlflow}}»: this library is no exact pin; write it as pypi: {{package: "
        "name==version}",
    ),
    (
        "every_package_is_pinned_exactly",
        on_a_cluster(libraries="libraries: [{requirements: /Workspace/pins.txt}]"),
        f"{TRAINING}:«requirements: /Workspace/pins.txt»: this library is no exact pin; write it as pypi: "
        "{package: name==version}",
    ),
    (
        "every_package_of_a_notebook_is_pinned",
        on_a_cluster(libraries=f"libraries: [pypi: {{package: {MLFLOW}}}]"),
        f"{REVENUE}:«from xgboost.spark import»: xgboost is not pinned; add it as name==version to "
        f"ml_dependencies in {ENVIRONMENT}, or copy a helper of your own into the notebook",
    ),
    (
        "training_and_inference_have_the_same_packages",
        [*on_a_cluster(), (ENVIRONMENT, f"{{package: {XGBOOST}}}", "{package: xgboost==3.3.0}")],
        f"{ENVIRONMENT}:«- pypi: {{package: mlflow»: other packages than in "
        f"{INFERENCE}:«environment_version: ${{var.environment_versi»: xgboost; write libraries: "
        "${var.ml_libraries}, with the pins of ml_dependencies",
    ),
    (
        "laptops_and_ci_have_the_same_packages",
        [("pyproject.toml", MLFLOW, "mlflow==3.8.1")],
        f'pyproject.toml:«"mlflow==3.8.1",»: mlflow is 3.8.1, but {PINS["mlflow"]} in {ENVIRONMENT}:«- '
        f"{MLFLOW}»; write the same pin in both",
    ),
    (
        "laptops_and_ci_have_the_same_packages",
        [("pyproject.toml", f'    "{XGBOOST}",\n', ""), ("uv.lock", None, LOCK)],
        f"pyproject.toml:1: xgboost is not pinned, but {PINS['xgboost']} in {ENVIRONMENT}:«- {XGBOOST}»; "
        "write the same pin in both",
    ),
    (
        "laptops_and_ci_have_the_same_packages",
        [(ENVIRONMENT, MLFLOW, "mlflow==3.8.1")],
        f'pyproject.toml:«"{MLFLOW}",»: mlflow is {PINS["mlflow"]}, but 3.8.1 in {ENVIRONMENT}:«- '
        "mlflow==3.8.1»; write the same pin in both",
    ),
    (
        "laptops_and_ci_have_the_same_packages",
        [(ENVIRONMENT, "- blinker==1.9.0", "- blinker==1.8.0")],
        f"uv.lock:1: blinker is 1.9.0, but 1.8.0 in {ENVIRONMENT}:«- blinker==1.8.0»; run uv run "
        "local-workspace lock",
    ),
    (
        "the_lock_has_the_same_packages",
        [("uv.lock", None, LOCK)],
        f"uv.lock:1: mlflow is 3.8.1, but {PINS['mlflow']} in pyproject.toml; run uv lock",
    ),
    (
        "the_lock_has_the_same_packages",
        [("uv.lock", None, LOCK)],
        f"uv.lock:1: xgboost is missing, but {PINS['xgboost']} in pyproject.toml; run uv lock",
    ),
    (
        "every_environment_has_a_version",
        [(TRAINING, VERSION, "")],
        f"{TRAINING}:«dependencies: ${{var.ml_dependencies}}»: environment_version of "
        f"ml_training_pipeline is missing; write {VERSION}, a whole number",
    ),
    (
        "every_environment_has_a_version",
        [(ENVIRONMENT, 'default: "4"', "default: 4.5")],
        "resources/ml/ml_sample_data.yml:«environment_version: ${var.environment_versi»: "
        f"environment_version of ml_sample_data is 4.5; write {VERSION}, a whole number",
    ),
]

FILES_OF_THE_BUNDLE = [
    (
        "every_yaml_file_is_found_and_read",
        [(TRAINING, "resources:", "resources: [")],
        f"{TRAINING}:«ml_training_pipeline:»: from here on it is no YAML, did not find expected ',' or "
        "']'; correct it",
    ),
    (
        "every_yaml_file_is_found_and_read",
        [(BUNDLE, "  - resources/ml/*.yml", "  - resources/ml/*.yml\n  - resources/more/*.yml")],
        f"{BUNDLE}:«- resources/more/*.yml»: include resources/more/*.yml matches no file; correct or "
        "remove it",
    ),
    (
        "every_yaml_file_is_found_and_read",
        [("resources/report.yml", None, "{}\n")],
        f"resources/report.yml:1: no include of {BUNDLE} matches it, so it is not deployed; add it there",
    ),
    (
        "every_target_has_a_mode",
        [(BUNDLE, "    mode: development\n", "")],
        f"{BUNDLE}:«dev:»: mode of target dev is missing; write mode: development or mode: production",
    ),
    (
        "every_reference_leads_somewhere",
        [(TRAINING, "default: ${var.catalog}", "default: ${var.catalgo}")],
        f"{TRAINING}:«default: ${{var.catalgo}}»: ${{var.catalgo}} is not defined in this bundle; correct "
        "the name, or define it",
    ),
    (
        "every_reference_leads_somewhere",
        [(BUNDLE, "  service_principal:\n", "  principal:\n")],
        f"{BUNDLE}:«${{var.service_principal}}»: ${{var.service_principal}} is not defined in this "
        "bundle; correct the name, or define it",
    ),
    (
        "every_reference_leads_somewhere",
        [(TRAINING, TRAIN_CHURN, CALL.replace("ml_inference_pipeline", "ml_scoring"))],
        f"{TRAINING}:«job_id: ${{resources.jobs.ml_scoring.id}}»: ${{resources.jobs.ml_scoring.id}} is "
        "not defined in this bundle; correct the name, or define it",
    ),
    (
        "every_variable_has_a_value_in_every_target",
        [(BUNDLE, "      catalog: staging\n", "")],
        f"{BUNDLE}:«staging: > variables:»: variable catalog has no value in target staging; add it, or a "
        "default",
    ),
    (
        "every_variable_has_a_value_in_every_target",
        [(BUNDLE, ", from BUNDLE_VAR_service_principal", "")],
        f"{BUNDLE}:«staging: > variables:»: variable service_principal has no value in target staging; "
        "add it, or a default",
    ),
    (
        "every_yaml_file_is_found_and_read",
        [(LABELS, None, "- labels\n")],
        f"{LABELS}:1: this is no mapping of names to values; correct it",
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
        "resources/ml/ml_experiments.yml:1: experiment churn of the bundle gets a double, [dev user] "
        "churn; remove it, the notebook creates /Shared/{project}_ml_{model_name}",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(CHURN, None, None)],
        f"{TRAINING}:«/train_churn.py»: there is no notebook {CHURN}; correct notebook_path",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(CHURN, "# Databricks notebook source\n", "")],
        f"{CHURN}:1: it is no notebook to Databricks; make '# Databricks notebook source' its first line",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [
            (TRAINING, "train_churn.py", "train_churn.ipynb"),
            (CHURN.replace(".py", ".ipynb"), None, "{}"),
        ],
        "src/my_project_ml/sales/train_churn.ipynb:1: the rules read notebooks in .py form only; save it "
        "as a source file",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(BUNDLE, "    - tests/**\n", "    - tests/**\n    - src/**/train_*.py\n")],
        f"{BUNDLE}:«- src/**/train_*.py»: src/**/train_*.py keeps notebook {CHURN} from being uploaded; "
        "narrow it",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(".gitignore", ".venv/\n", ".venv/\nsales/\n")],
        f".gitignore:«sales/»: sales/ keeps notebook {CHURN} from being uploaded; narrow it",
    ),
    (
        "every_notebook_of_a_task_is_uploaded",
        [(BUNDLE, "sync:\n", "sync:\n  paths: [resources]\n")],
        f"{BUNDLE}:«paths: [resources]»: sync.paths keeps notebook {CHURN} from being uploaded; narrow it",
    ),
]

SCHEDULE = '        quartz_cron_expression: "0 0 3 ? * SUN"\n'
JOBS = [
    (
        "no_key_is_given_twice",
        [(TRAINING, TRAIN_CHURN, TRAIN_REVENUE)],
        f"{TRAINING}:«task_key: train_revenue > task_key: train_revenue»: task_key train_revenue is given "
        "twice in ml_training_pipeline; give each its own",
    ),
    (
        "no_key_is_given_twice",
        [*on_a_cluster(), (TRAINING, "job_clusters: [", "job_clusters: [{job_cluster_key: spark}, ")],
        f"{TRAINING}:«job_clusters:»: job_cluster_key spark is given twice in ml_training_pipeline; give "
        "each its own",
    ),
    (
        "every_task_has_an_environment_of_its_job",
        [(TRAINING, "          environment_key: default", "          environment_key: defualt")],
        f"{TRAINING}:«environment_key: defualt»: ml_training_pipeline has no environment_key defualt; set "
        "it to one of: default",
    ),
    (
        "every_task_has_an_environment_of_its_job",
        [(TRAINING, "          environment_key: default\n", "")],
        f"{TRAINING}:«- task_key: features_ops»: features_ops has no environment_key, so it runs without "
        "the pins; set it to one of: default",
    ),
    (
        "every_task_has_an_environment_of_its_job",
        [
            (TRAINING, "      environments:\n", "      unknown:\n"),
            (TRAINING, "          environment_key: default\n", ""),
        ],
        f"{TRAINING}:«- task_key: features_ops»: features_ops has no environment_key, so it runs without "
        "the pins; give the job environments with environment_key: default, dependencies: "
        "${var.ml_dependencies}, and the task that key",
    ),
    (
        "every_task_on_a_cluster_has_its_packages",
        [*on_a_cluster(), (TRAINING, "job_cluster_key: spark\n", "job_cluster_key: sprak\n")],
        f"{TRAINING}:«job_cluster_key: sprak»: ml_training_pipeline has no job_cluster_key sprak; set it to "
        "one of: spark",
    ),
    (
        "every_task_on_a_cluster_has_its_packages",
        on_a_cluster(libraries=""),
        f"{TRAINING}:«- task_key: train_revenue»: train_revenue runs on a cluster without libraries, so "
        "without the pins; write libraries: ${var.ml_libraries}",
    ),
    (
        "xgboost_learns_on_a_dedicated_cluster_of_fixed_size",
        on_a_cluster(cluster="num_workers: 2, data_security_mode: USER_ISOLATION"),
        f"{TRAINING}:«job_clusters:»: train_revenue uses xgboost.spark, which needs dedicated access; write "
        "data_security_mode: DATA_SECURITY_MODE_DEDICATED",
    ),
    (
        "xgboost_learns_on_a_dedicated_cluster_of_fixed_size",
        on_a_cluster(cluster="autoscale: {max_workers: 8}, data_security_mode: SINGLE_USER"),
        f"{TRAINING}:«job_clusters:»: train_revenue uses xgboost.spark, which runs on no cluster that "
        "changes its size; write num_workers in place of autoscale",
    ),
    (
        "xgboost_learns_on_a_dedicated_cluster_of_fixed_size",
        on_a_cluster()[-1:],
        f"{TRAINING}:«- task_key: train_revenue»: train_revenue uses xgboost.spark, which is not known to "
        "run on serverless compute; give it a job_cluster_key and libraries",
    ),
    (
        "every_task_waits_for_tasks_that_end",
        [
            (
                TRAINING,
                "            - task_key: features_sales",
                "            - task_key: features_sale",
            )
        ],
        f"{TRAINING}:«task_key: train_revenue > task_key: features_sale»: train_revenue waits for "
        "features_sale, no task of ml_training_pipeline; correct depends_on",
    ),
    (
        "every_task_waits_for_tasks_that_end",
        [
            (
                TRAINING,
                FEATURES_SALES,
                f"{FEATURES_SALES}          depends_on: [{{task_key: train_churn}}]\n",
            )
        ],
        f"{TRAINING}:«depends_on: [{{task_key: train_churn}}]»: features_sales waits for itself in the "
        "end, so it never begins; correct depends_on",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, "model_name: churn", 'model_name: "{{job.parameters.model}}"')],
        f'{TRAINING}:«model_name: "{{{{job.parameters.model}}}}"»: {{{{job.parameters.model}}}} is no '
        "parameter of the job, which has catalog, gold_schema, feature_schema, project, approval, "
        "promotion_margin, git_commit; correct it, or declare it",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, "{{tasks.train_churn.result_state}}", "{{tasks.train_chrun.result_state}}")],
        f"{TRAINING}:«results: |»: {{{{tasks.train_chrun.result_state}}}} refers to no task of the job; "
        "correct its key",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, "model_name: churn", 'model_name: "{{tasks.train_revenue.values.name}}"')],
        f'{TRAINING}:«model_name: "{{{{tasks.train_revenue.values.na»: '
        "{{tasks.train_revenue.values.name}} refers to a task that need not have ended by then; add "
        "it to depends_on",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, "{{job.run_id}}", "{{jobs.run_id}}")],
        f'{TRAINING}:«run_id: "{{{{jobs.run_id}}}}"»: {{{{jobs.run_id}}}} is no reference that Databricks '
        "knows; begin it with one of job, task, tasks, workspace, backfill, input",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, "{{job.run_id}}", "{{job.runid}}")],
        f'{TRAINING}:«run_id: "{{{{job.runid}}}}"»: {{{{job.runid}}}} is no dynamic value reference that '
        "Databricks documents; correct it",
    ),
    (
        "nothing_runs_on_schedule_in_development",
        [(TRAINING, SCHEDULE, f"{SCHEDULE}        pause_status: UNPAUSED\n")],
        f"{TRAINING}:«pause_status: UNPAUSED»: pause_status UNPAUSED makes every developer's copy run by "
        "itself; remove that line, staging and prod run without it",
    ),
    (
        "nothing_runs_on_schedule_in_development",
        [
            (
                BUNDLE,
                "    default: true\n",
                "    default: true\n    resources:\n      jobs:\n        ml_training_pipeline:\n"
                "          schedule:\n            pause_status: UNPAUSED\n",
            ),
            (TRAINING, SCHEDULE, f"{SCHEDULE}        pause_status: PAUSED\n"),
        ],
        f"{BUNDLE}:«pause_status: UNPAUSED»: pause_status UNPAUSED makes every developer's copy run by "
        "itself; remove that line, staging and prod run without it",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [
            (
                "resources/ml/more.yml",
                None,
                "resources:\n  jobs:\n    ml_training_pipeline:\n      environments: []\n      parameters:\n"
                "        - name: day\n          default: '1'\n      tasks:\n"
                "        - task_key: train_churn\n          notebook_task:\n            base_parameters:\n"
                "              day: '{{tasks.nothing.values.day}}'\n",
            ),
        ],
        "resources/ml/more.yml:«tasks.nothing»: {{tasks.nothing.values.day}} refers to no task of the job; "
        "correct its key",
    ),
    (
        "nothing_runs_on_schedule_in_development",
        [(BUNDLE, "    default: true\n", "    presets: {trigger_pause_status: UNPAUSED}\n")],
        f"{BUNDLE}:«presets: {{trigger_pause_status: UNPAUSED}}»: trigger_pause_status UNPAUSED makes "
        "every developer's copy run by itself; remove that line, staging and prod run without it",
    ),
    (
        "every_job_called_is_given_its_own_parameters",
        [(TRAINING, TRAIN_CHURN, CALL)],
        f"{TRAINING}:«job_parameters: {{schema: x}}»: schema is no parameter of ml_inference_pipeline, "
        "which has catalog, gold_schema, feature_schema; correct it",
    ),
    (
        "every_widget_is_given",
        [(INFERENCE, "model_name: revenue\n              domain: sales\n", "model_name: revenue\n")],
        f'{SCORE}:«domain = dbutils.widgets.get("domain")»: widget domain gets no value; add it to '
        f"base_parameters in {INFERENCE}:«task_key: score_revenue > base_parameters:»",
    ),
    (
        "every_widget_is_given",
        [(CHURN, 'dbutils.widgets.get("project")', 'dbutils.widgets.get("projcet")')],
        f'{CHURN}:«dbutils.widgets.get("projcet")»: widget projcet gets no value; add it to '
        f"base_parameters in {TRAINING}:«task_key: train_churn > base_parameters:»",
    ),
    (
        "every_widget_is_given",
        [(TRAINING, "              model_name: churn\n", "")],
        f'{CHURN}:«model_name = dbutils.widgets.get("model_name»: widget model_name gets no value; add it '
        f"to base_parameters in {TRAINING}:«task_key: train_churn > base_parameters:»",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "labels: ${var.labels.sales}", "labels: [revenue, churn]")],
        f"{TRAINING}:«labels: [revenue, churn]»: base_parameters[labels] is ['revenue', 'churn'] in place "
        "of text; correct it",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "        - task_key: train_churn\n          depends_on:", "        - depends_on:")],
        f"{TRAINING}:«- depends_on:»: task_key of tasks[3] is missing; add it",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "timeout_seconds: 7200", "timeout_second: 7200")],
        f"{TRAINING}:«timeout_second: 7200»: timeout_second is no field that Databricks knows; write "
        "timeout_seconds",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "run_if: ALL_DONE", "run_if: ALWAYS")],
        f"{TRAINING}:«run_if: ALWAYS»: run_if is ALWAYS, which Databricks does not know; write ALL_DONE "
        "or ALL_FAILED or ALL_SUCCESS or AT_LEAST_ONE_FAILED or AT_LEAST_ONE_SUCCESS or NONE_FAILED",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "timeout_seconds: 7200", "timeout_seconds: 2h")],
        f"{TRAINING}:«timeout_seconds: 2h»: timeout_seconds is 2h in place of a whole number; correct it",
    ),
    (
        "every_field_and_value_of_a_job_is_known",
        [(TRAINING, "        timezone_id: UTC\n", "")],
        f"{TRAINING}:«schedule:»: timezone_id of schedule is missing; add it",
    ),
    (
        "every_schedule_is_a_quartz_expression",
        [(TRAINING, '"0 0 3 ? * SUN"', '"0 3 * * 7"')],
        f"{TRAINING}:«quartz_cron_expression: \"0 3 * * 7\"»: '0 3 * * 7' is no schedule, it has 5 fields; "
        "write seconds, minutes, hours, day of month, month, day of week, year, the last if you want",
    ),
    (
        "every_schedule_is_a_quartz_expression",
        [(TRAINING, '"0 0 3 ? * SUN"', '"0 0 3 * * *"')],
        f"{TRAINING}:«quartz_cron_expression: \"0 0 3 * * *\"»: '0 0 3 * * *' is no schedule, since day of "
        "month and day of week exclude each other; write ? for one of the two",
    ),
    (
        "every_schedule_is_a_quartz_expression",
        [(TRAINING, '"0 0 3 ? * SUN"', '"0 0 25 ? * SUN"')],
        f"{TRAINING}:«quartz_cron_expression: \"0 0 25 ? * SUN\"»: '0 0 25 ? * SUN' is no schedule, 25 is "
        "no hours; write values of 0 to 23, a range, a step or *",
    ),
]

STATUS_TASK = [
    (
        "every_job_ends_with_a_status_task",
        [
            (
                TRAINING,
                "src/my_project_ml/pipeline_status.py",
                "src/my_project_ml/ops/train_outliers.py",
            )
        ],
        f"{TRAINING}:«tasks:»: a run of ml_training_pipeline is successful when a notebook fails; add a "
        "task pipeline_status that runs pipeline_status.py",
    ),
    (
        "the_status_task_always_runs_once",
        [(TRAINING, "          run_if: ALL_DONE\n", "")],
        f"{TRAINING}:«- task_key: pipeline_status»: run_if of the status task is missing, so it is left "
        "out when a task before it fails; write run_if: ALL_DONE",
    ),
    (
        "the_status_task_hears_of_every_task",
        [(TRAINING, "            - task_key: train_churn\n", "")],
        f"{TRAINING}:«task_key: pipeline_status > depends_on:»: the status task does not wait for "
        "train_churn; add it to depends_on",
    ),
    (
        "the_status_task_hears_of_every_task",
        [(TRAINING, "                train_churn: {{tasks.train_churn.result_state}}\n", "")],
        f"{TRAINING}:«results: |»: results of the status task say nothing of train_churn; add the line "
        "train_churn: {{tasks.train_churn.result_state}}",
    ),
    (
        "the_status_task_always_runs_once",
        [(TRAINING, "          max_retries: 0\n", "")],
        f"{TRAINING}:«- task_key: pipeline_status»: max_retries of the status task is missing, so its "
        "failure, which is an answer, comes late; write max_retries: 0",
    ),
    (
        "the_status_task_always_runs_once",
        [(TRAINING, "      max_concurrent_runs: 1\n", "      timeout_seconds: 60\n")],
        f"{TRAINING}:«timeout_seconds: 60»: timeout_seconds of the job ends the status task too; give it "
        "to each task",
    ),
    (
        "the_status_task_raises",
        [(STATUS, "raise RuntimeError", "print")],
        f"{STATUS}:1: it never raises, so no run fails; raise when a task has FAILED",
    ),
]

COPY = "copy the helper into the notebook"
SET_STATUS = 'dbutils.jobs.taskValues.set(key="status", value=status)\n'
EXIT = "dbutils.notebook.exit(status)\n"
ANY_NOTEBOOK = [
    (
        "every_notebook_is_python",
        [(CHURN, "def main() -> str:", "def main() -> str")],
        f"{CHURN}:«def main() -> str»: this is no valid Python (expected ':'); correct the line",
    ),
    (
        "every_package_of_a_notebook_is_pinned",
        [
            (
                CHURN,
                "import mlflow\n",
                "import mlflow\nfrom my_project_ml.helpers import get_run_name\n",
            )
        ],
        f"{CHURN}:«from my_project_ml.helpers import get_run_na»: my_project_ml is not pinned; add it as "
        f"name==version to ml_dependencies in {ENVIRONMENT}, or copy a helper of your own into the "
        "notebook",
    ),
    (
        "no_notebook_uses_what_a_task_lacks",
        [(CHURN, "import mlflow\n", "import mlflow\nfrom ..helpers import get_run_name\n")],
        f"{CHURN}:«from ..helpers import get_run_name»: a deployed notebook finds no neighbour; copy the "
        "helper into the notebook",
    ),
    (
        "every_package_of_a_notebook_is_pinned",
        [(CHURN, "import mlflow\n", "import mlflow\nfrom train_revenue import get_run_name\n")],
        f"{CHURN}:«from train_revenue import get_run_name»: train_revenue is not pinned; add it as "
        f"name==version to ml_dependencies in {ENVIRONMENT}, or copy a helper of your own into the "
        "notebook",
    ),
    (
        "every_package_of_a_notebook_is_pinned",
        [
            (TRAINING, "          environment_key: default\n          timeout_seconds: 7200\n", ""),
            (REVENUE, "import mlflow\n", "import mlflow\nimport train_churn\n"),
        ],
        f"{REVENUE}:«import train_churn»: train_churn is not pinned; add it as name==version to "
        f"ml_dependencies in {ENVIRONMENT}, or copy a helper of your own into the notebook",
    ),
    (
        "no_notebook_uses_what_a_task_lacks",
        [(CHURN, "import mlflow\n", 'import mlflow\nimport sys\nsys.path.append("..")\n')],
        f'{CHURN}:«sys.path.append("..")»: sys.path does not help a deployed notebook; copy the helper '
        "into the notebook",
    ),
    (
        "no_notebook_runs_another",
        [(CHURN, "# COMMAND ----------\n", "# COMMAND ----------\n\n# MAGIC %run ../helpers\n")],
        f"{CHURN}:«# MAGIC %run ../helpers»: %run makes this notebook depend on another; {COPY}",
    ),
    (
        "no_notebook_uses_what_a_task_lacks",
        [(SCORE, "import mlflow\n", "import argparse\n\nimport mlflow\n")],
        f"{SCORE}:«import argparse»: argparse and sys.argv read a command line, which no task has; read "
        'its parameters by dbutils.widgets.get("name")',
    ),
    (
        "no_notebook_uses_what_a_task_lacks",
        [
            (SCORE, "import mlflow\n", "import sys\n\nimport mlflow\n"),
            (SCORE, "return str(client", "return sys.argv[1] or (client"),
        ],
        f"{SCORE}:«return sys.argv[1] or (client»: argparse and sys.argv read a command line, which no "
        'task has; read its parameters by dbutils.widgets.get("name")',
    ),
    (
        "no_notebook_uses_what_a_task_lacks",
        [(MAKE_FEATURES, SET_STATUS, f"spark.stop()\n{SET_STATUS}")],
        f"{MAKE_FEATURES}:«spark.stop()»: spark.stop() keeps the status from arriving; remove it",
    ),
    (
        "every_notebook_exits_with_its_status",
        [(CHURN, EXIT, "")],
        f"{CHURN}:1: it does not exit with its status; write dbutils.notebook.exit(status) as the last "
        "statement, and nowhere else",
    ),
    (
        "every_notebook_exits_with_its_status",
        [
            (
                CHURN,
                "    status = main()\n",
                "    status = main()\n    dbutils.notebook.exit(status)\n",
            )
        ],
        f"{CHURN}:«dbutils.notebook.exit(status)»: this exit may be caught, comes too early, or is not "
        "the status; write dbutils.notebook.exit(status) as the last statement, and nowhere else",
    ),
    (
        "every_notebook_exits_with_its_status",
        [(CHURN, "        decision = promote(", f"        {EXIT}        decision = promote(")],
        f"{CHURN}:«dbutils.notebook.exit(status)»: this exit may be caught, comes too early, or is not "
        "the status; write dbutils.notebook.exit(status) as the last statement, and nowhere else",
    ),
    (
        "every_notebook_exits_with_its_status",
        [(CHURN, EXIT, f'{EXIT}print("done")\n')],
        f"{CHURN}:«dbutils.notebook.exit(status)»: this exit may be caught, comes too early, or is not "
        "the status; write dbutils.notebook.exit(status) as the last statement, and nowhere else",
    ),
    (
        "every_notebook_sets_its_status_once",
        [(CHURN, SET_STATUS, "")],
        f"{CHURN}:1: it does not set the task value status; write "
        'dbutils.jobs.taskValues.set(key="status", value=status) once, at module level',
    ),
    (
        "every_notebook_sets_its_status_once",
        [(CHURN, SET_STATUS, f"if True:\n    {SET_STATUS}")],
        f'{CHURN}:«dbutils.jobs.taskValues.set(key="status", va»: the task value status is set again, not '
        'always, or to something else; write dbutils.jobs.taskValues.set(key="status", value=status) '
        "once, at module level",
    ),
    (
        "every_notebook_sets_its_status_once",
        [(CHURN, SET_STATUS, SET_STATUS * 2)],
        f"{CHURN}:«taskValues.set( > taskValues.set(»: the task value status is set again, not always, or "
        'to something else; write dbutils.jobs.taskValues.set(key="status", value=status) once, at '
        "module level",
    ),
    (
        "every_notebook_exits_with_its_status",
        [(CHURN, EXIT, 'dbutils.notebook.exit("SUCCESS")\n')],
        f'{CHURN}:«dbutils.notebook.exit("SUCCESS")»: this exit may be caught, comes too early, or is not '
        "the status; write dbutils.notebook.exit(status) as the last statement, and nowhere else",
    ),
    (
        "every_status_is_a_known_one",
        [(CHURN, '    return "SUCCESS"\n', '    return "OK"\n')],
        f"{CHURN}:«return \"OK\"»: 'OK' is no status that pipeline_status knows; begin it with SUCCESS, "
        "'SKIPPED: ', 'ALERT: ' or 'FAILED: '",
    ),
    (
        "no_failure_is_hidden",
        [(CHURN, "    status = f\"FAILED: {' '.join(str(error).split()) or repr(error)}\"[:1000]\n", "")],
        f"{CHURN}:«status = main() > except Exception as error:»: this except hides a failure from "
        'pipeline_status; write status = f"FAILED: {error}" in it',
    ),
]

WAITS_FOR_SALES = "          depends_on:\n            - task_key: features_sales\n"
CHURN_TASK = TRAIN_CHURN + WAITS_FOR_SALES
SCORE_CHURN_TASK = CHURN_TASK.replace("train_", "score_")
TOLD_BY_SALES = 'features_status: "{{tasks.features_sales.values.status}}"\n'
TOLD_CHURN = f"              model_name: churn\n              {TOLD_BY_SALES}"
FEATURES = [
    (
        "every_dynamic_reference_leads_somewhere",
        [(TRAINING, CHURN_TASK, TRAIN_CHURN)],
        f"{TRAINING}:«task_key: train_churn > features_status:»: "
        "{{tasks.features_sales.values.status}} refers to a task that need not have ended by then; "
        "add it to depends_on",
    ),
    (
        "every_dynamic_reference_leads_somewhere",
        [(INFERENCE, SCORE_CHURN_TASK, SCORE_CHURN_TASK.replace("features_sales", "features_ops"))],
        f"{INFERENCE}:«task_key: score_churn > features_status:»: "
        "{{tasks.features_sales.values.status}} refers to a task that need not have ended by then; "
        "add it to depends_on",
    ),
    (
        "every_model_is_told_the_status_of_its_features",
        [(TRAINING, CHURN_TASK, f"{CHURN_TASK}            - task_key: features_ops\n")],
        f"{TRAINING}:«task_key: train_churn > depends_on:»: train_churn of domain sales waits for "
        "features_ops, so it fails with that; remove it from depends_on",
    ),
    (
        "every_model_is_told_the_status_of_its_features",
        [(CHURN, 'DOMAIN = "sales"', 'DOMAIN = "shop"')],
        f"{TRAINING}:«task_key: train_churn > features_status:»: features_status of train_churn is "
        "{{tasks.features_sales.values.status}}; add a task with domain: shop",
    ),
    (
        "every_model_is_told_the_status_of_its_features",
        [(TRAINING, TOLD_CHURN, "              model_name: churn\n")],
        f"{TRAINING}:«task_key: train_churn > base_parameters:»: "
        "features_status of train_churn is missing; write "
        'features_status: "{{tasks.features_sales.values.status}}"',
    ),
    (
        "every_model_is_told_the_status_of_its_features",
        [(TRAINING, TOLD_CHURN, TOLD_CHURN.replace("features_sales", "features_ops"))],
        f'{TRAINING}:«features_status: "{{{{tasks.features_ops.value»: features_status of train_churn is '
        "{{tasks.features_ops.values.status}}; write features_status: "
        '"{{tasks.features_sales.values.status}}"',
    ),
    (
        "every_model_is_told_the_status_of_its_features",
        [
            (
                INFERENCE,
                f"domain: sales\n              {TOLD_BY_SALES}",
                "domain: sales\n              features_status: SUCCESS\n",
            )
        ],
        f"{INFERENCE}:«features_status: SUCCESS»: features_status of score_revenue is SUCCESS; write "
        'features_status: "{{tasks.features_sales.values.status}}"',
    ),
]
TRAINING_NOTEBOOKS = [
    (
        "every_training_notebook_has_the_helpers",
        [(CHURN, "def get_standard_tags(", "def get_tags(")],
        f"{CHURN}:1: helper get_standard_tags is missing; copy it from another training notebook",
    ),
    (
        "every_training_notebook_has_the_helpers",
        [(CHURN, "= setup_mlflow_experiment(project, model_name)", '= "0"')],
        f"{CHURN}:«def setup_mlflow_experiment(project: str, mo»: helper setup_mlflow_experiment is "
        "defined but never called; call it in the training",
    ),
    (
        "every_training_notebook_has_the_helpers",
        [(CHURN, 'version: str = "v1"', 'version: str = "v2"')],
        f"{CHURN}:«def get_run_name(model_name: str, algorithm:»: helper get_run_name is not the same as "
        f"in {OUTLIERS}; copy the one you want to all",
    ),
    (
        "every_training_notebook_is_run_by_a_task",
        [(TRAINING, "train_churn.py", "train_revenue.py")],
        f"{CHURN}:1: no task runs it; add one to {TRAINING}",
    ),
    (
        "autolog_is_disabled",
        [(CHURN, "mlflow.autolog(disable=True)\n", "")],
        f"{CHURN}:1: autolog is not disabled; write mlflow.autolog(disable=True) at module level",
    ),
    (
        "autolog_is_disabled",
        [
            (
                CHURN,
                "        model = fit(",
                "        mlflow.xgboost.autolog()\n        model = fit(",
            )
        ],
        f"{CHURN}:«mlflow.xgboost.autolog()»: mlflow.xgboost.autolog is switched on; write "
        "mlflow.autolog(disable=True)",
    ),
    (
        "the_registry_is_set_at_module_level",
        [(SCORE, 'mlflow.set_registry_uri("databricks-uc")\n', "")],
        f"{SCORE}:1: the registry URI is not set at module level, once; write "
        'mlflow.set_registry_uri("databricks-uc") there',
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
        f'{CHURN}:«mlflow.set_registry_uri("databricks")»: the registry URI is not set at module level, '
        'once; write mlflow.set_registry_uri("databricks-uc") there',
    ),
    (
        "experiments_are_shared_and_named_after_project_and_model",
        [(CHURN, 'f"/Shared/{project}_ml_{model_name}"', 'f"/Users/me/{project}_ml/{model_name}"')],
        f'{CHURN}:«experiment = mlflow.set_experiment(f"/Users/»: the experiment is not below /Shared, '
        'named after project and model; write f"/Shared/{project}_ml_{model_name}"',
    ),
    (
        "experiments_are_shared_and_named_after_project_and_model",
        [(CHURN, 'f"/Shared/{project}_ml_{model_name}"', '"/Shared/my_project_ml_churn"')],
        f'{CHURN}:«experiment = mlflow.set_experiment("/Shared/»: the experiment is not below /Shared, '
        'named after project and model; write f"/Shared/{project}_ml_{model_name}"',
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
        f"{CHURN}:«experiment = mlflow.MlflowClient().create_ex»: the experiment is not below /Shared, "
        'named after project and model; write f"/Shared/{project}_ml_{model_name}"',
    ),
    (
        "the_dataset_is_logged_inside_the_run",
        [
            (
                CHURN,
                "    with mlflow.start_run(",
                "    log_training_dataset(data.gold)\n    with mlflow.start_run(",
            )
        ],
        f"{CHURN}:«log_training_dataset(data.gold)»: log_training_dataset outside the run logs the "
        "dataset to no run; move it into `with mlflow.start_run(...)`",
    ),
    (
        "metrics_are_linked_to_model_and_dataset",
        [
            (
                CHURN,
                "mlflow.log_metrics(metrics, model_id=model_id, dataset=data.gold)",
                "mlflow.log_metrics(metrics)",
            )
        ],
        f"{CHURN}:1: the logged model shows neither metrics nor dataset; write "
        "mlflow.log_metrics(metrics, model_id=model_id, dataset=data.gold) inside the run",
    ),
    (
        "every_model_is_compared_with_a_baseline",
        [(CHURN, '"baseline": predict_baseline(data)}', '"baseline": truth}')],
        f"{CHURN}:1: predict_baseline is never called, so what is worse than the mean may become champion; "
        "compare each version with it",
    ),
    (
        "every_random_part_has_a_seed",
        [(OUTLIERS, ", contamination=EXPECTED_SHARE, random_state=42)", ", contamination=EXPECTED_SHARE)")],
        f"{OUTLIERS}:«model = ScoredForest(»: ScoredForest has no seed, so no run can be repeated; give it "
        "random_state=42",
    ),
    (
        "every_random_part_has_a_seed",
        [
            (
                CHURN,
                "StratifiedKFold(FOLDS, shuffle=True, random_state=42)",
                "StratifiedKFold(FOLDS, shuffle=True)",
            )
        ],
        f"{CHURN}:«return by_time if is_timed»: StratifiedKFold has no seed, so no run can be repeated; "
        "give it random_state=42",
    ),
    (
        "every_random_part_has_a_seed",
        [
            (CHURN, "def fit(train", "def draw(rows):\n    return utils.resample(rows)\n\n\ndef fit(train"),
            (CHURN, "import mlflow\n", "import mlflow\nfrom sklearn import utils\n"),
        ],
        f"{CHURN}:«return utils.resample(rows)»: resample has no seed, so no run can be repeated; give it "
        "random_state=42",
    ),
    (
        "metrics_are_of_the_holdout",
        [
            (
                CHURN,
                "metrics = evaluate(data.holdout[LABEL], predicted)",
                "metrics = evaluate(data.train[LABEL], predict(model, data.train))",
            )
        ],
        f"{CHURN}:«metrics = evaluate(data.train»: evaluate is given rows that were learnt from; give it "
        "those held out",
    ),
    (
        "no_label_is_among_the_features",
        [(LABELS, ", churn:classification", "")],
        f'{CHURN}:«LABEL = "churn"»: churn is no label of sales, so it would be a feature; add it in '
        f'{LABELS}:«sales: "revenue:regression"»',
    ),
    (
        "no_label_is_among_the_features",
        [(CHURN, 'LABEL = "churn"', 'LABEL = "has_left"')],
        f'{CHURN}:«LABEL = "has_left"»: has_left is no label of sales, so it would be a feature; add it '
        f'in {LABELS}:«sales: "revenue:regression, churn:classifica»',
    ),
    (
        "no_label_is_among_the_features",
        [(CHURN, 'DOMAIN = "sales"', 'DOMAIN = "shop"')],
        f'{CHURN}:«DOMAIN = "shop"»: no task makes the features of shop; correct it, or add a task to '
        "resources/ml",
    ),
    (
        "no_label_is_among_the_features",
        [(CHURN, 'LABEL = "churn"', "LABEL = MODEL_TYPE")],
        f"{CHURN}:«LABEL = MODEL_TYPE»: LABEL is no plain text at module level; write it as such",
    ),
]

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
        f"{SCORE}:«scored = FeatureEngineeringClient().score_ba»: the version that scores is not read "
        'from alias champion; write f"models:/{registered_model}/{version}"',
    ),
    (
        "the_version_that_scores_is_the_champion",
        [(SCORE, "version = champion_version()", 'version = "3"')],
        f"{SCORE}:«scored = FeatureEngineeringClient().score_ba»: the version that scores is not read "
        'from alias champion; write f"models:/{registered_model}/{version}"',
    ),
    (
        "the_version_that_scores_is_the_champion",
        [(SCORE, '(registered_model, "champion")', '(registered_model, "challenger")')],
        f"{SCORE}:«scored = FeatureEngineeringClient().score_ba»: the version that scores is not read "
        'from alias champion; write f"models:/{registered_model}/{version}"',
    ),
    (
        "only_score_batch_scores",
        [(SCORE, "FeatureEngineeringClient().score_batch(", "score_all(")],
        f"{SCORE}:1: it does not score; call FeatureEngineeringClient().score_batch",
    ),
    (
        "only_score_batch_scores",
        [(SCORE, "    keys = keys_to_score()\n", "    keys = mlflow.pyfunc.load_model(version)\n")],
        f"{SCORE}:«keys = mlflow.pyfunc.load_model(version)»: mlflow.pyfunc.load_model does not look "
        "features up; score by score_batch alone",
    ),
]

BREAKAGES = [
    *PINS_OF_THE_BUNDLE,
    *FILES_OF_THE_BUNDLE,
    *JOBS,
    *STATUS_TASK,
    *ANY_NOTEBOOK,
    *FEATURES,
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
          depends_on: [{task_key: features_sales}]
          notebook_task:
            notebook_path: ../../src/my_project_ml/sales/train_revenue.py
            base_parameters: {model_name: copy, features_status: "{{tasks.features_sales.values.status}}"}
          environment_key: default
        - task_key: pipeline_status
          depends_on:
            - task_key: train_copy
"""
SCORE_BODY = f"""\
          notebook_task:
            notebook_path: ../../src/my_project_ml/inference/score_model.py
            base_parameters:
              model_name: churn
              domain: sales
              {TOLD_BY_SALES}          environment_key: ml_inference
"""
SCORE_LOOP = """\
          for_each_task:
            inputs: '["churn"]'
            task:
              task_key: score_each
""" + indent(SCORE_BODY.replace("churn", '"{{input}}"'), "    ")
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
    "an item of a list, and words that are no booleans": [
        (TRAINING, "      parameters:\n", "      parameters:\n        - {name: a, default: yes}\n"),
        (
            TRAINING,
            "      parameters:\n",
            "      parameters:\n        - {name: b, default: '${var.ml_dependencies[0]}'}\n",
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
        (
            CHURN,
            "    model, folds = new_model(",
            "    print(shap.__version__)\n    model, folds = new_model(",
        ),
    ],
    "packages in lists that are named, added and unpacked": [
        (REVENUE, "PACKAGES = [", 'BOOSTED = ["xgboost"]\nPACKAGES = [*BOOSTED] + ['),
        (REVENUE, '"scikit-learn", "xgboost"]', '"scikit-learn"]'),
    ],
    "packages in a list that is only known when it runs": [
        (REVENUE, "PACKAGES = [", "PACKAGES = sorted(["),
        (REVENUE, '"scikit-learn", "xgboost"]', '"scikit-learn", "xgb" + "oost"])'),
    ],
    "xgboost without its GPU library": [
        (ENVIRONMENT, XGBOOST, XGBOOST_CPU),
        ("pyproject.toml", XGBOOST, XGBOOST_CPU),
        ("uv.lock", 'name = "xgboost"', 'name = "xgboost-cpu"'),
    ],
    "what a notebook says is yours to change": [
        (CHURN, "HOLDOUT_SHARE = 0.2", "HOLDOUT_SHARE = 0.3"),
        (CHURN, "MIN_ROWS = 50", "MIN_ROWS = 500"),
        (CHURN, 'USE_CASE = "sales: churn"', 'USE_CASE = "who leaves"'),
        (CHURN, '"roc_auc", False', '"log_loss", True'),
        (CHURN, "import HistGradientBoostingClassifier", "import GradientBoostingClassifier"),
        (CHURN, "model = HistGradientBoostingClassifier(", "model = GradientBoostingClassifier("),
        (MAKE_FEATURES, 'NOT_FEATURES = ["observed_at"]', 'NOT_FEATURES = ["observed_at", "age"]'),
    ],
    "rows by day, as pandas resamples them": [
        (CHURN, "def fit(train", "def by_day(rows):\n    return rows.resample('D').sum()\n\n\ndef fit(train")
    ],
    "an algorithm whose seed has another name": [
        (
            CHURN,
            "from sklearn.ensemble import Hist",
            "from catboost import CatBoostClassifier\nfrom sklearn.ensemble import Hist",
        ),
        (CHURN, "model = HistGradientBoostingClassifier(", "model = CatBoostClassifier("),
        (CHURN, "        random_state=42,\n", "        random_seed=42,\n"),
        (CHURN, '"scikit-learn"]  # that the model', '"scikit-learn", "catboost"]  # that the model'),
        (ENVIRONMENT, f"      - {MLFLOW}", f"      - catboost==1.2.8\n      - {MLFLOW}"),
        ("pyproject.toml", f'    "{MLFLOW}"', f'    "catboost==1.2.8",\n    "{MLFLOW}"'),
        (
            "uv.lock",
            '[[package]]\nname = "mlflow"',
            '[[package]]\nname = "catboost"\nversion = "1.2.8"\n\n[[package]]\nname = "mlflow"',
        ),
    ],
    "a pin for one platform": [("pyproject.toml", XGBOOST, f"{XGBOOST}; sys_platform == 'linux'")],
    "a folder taken back into the sync": [
        (".gitignore", ".venv/\n", ".venv/\nsales/\n"),
        (BUNDLE, "sync:\n", "sync:\n  include: [src/**]\n"),
    ],
    "a setting of one target, in a file of its own": [
        (
            "resources/ml/staging.yml",
            None,
            "targets: {staging: {resources: {jobs: {ml_training_pipeline: {tags: {cost: ml}}}}}}\n",
        )
    ],
    "a widget with a default of its own": [
        (
            CHURN,
            "dbutils.widgets.text(",
            'dbutils.widgets.text("rounds", "200", "Rounds")\ndbutils.widgets.text(',
        ),
        (
            CHURN,
            "    gold_table = f",
            '    print(dbutils.widgets.get("rounds"))\n    gold_table = f',
        ),
    ],
    "scores of all models of a domain in a loop": [
        (INFERENCE, SCORE_CHURN_TASK + SCORE_BODY, SCORE_CHURN_TASK + SCORE_LOOP)
    ],
    "another evaluation in one notebook": [(CHURN, '"f1": ', '"f1_score": ')],
    "another label, named in both places": [
        (CHURN, 'LABEL = "churn"', 'LABEL: str = "has_left"'),
        (LABELS, "churn:", "has_left:"),
    ],
    "a task value more": [(CHURN, SET_STATUS, f'dbutils.jobs.taskValues.set("rows", 1)\n{SET_STATUS}')],
    "a module that is no notebook": [("src/my_project_ml/shared.py", None, "VALUE = 1\n")],
    "the experiment's path in a variable": [
        (file, *PATH_IN_A_VARIABLE) for file in (CHURN, REVENUE, OUTLIERS)
    ],
    "a model that learns by xgboost.spark": on_a_cluster(),
    "the sample data deleted": [("resources/ml/ml_sample_data.yml", None, None)],
    "variables left empty": [("resources/ml/more.yml", None, "variables:\nresources:\n  jobs:\n")],
    "a cron of ranges, steps and names": [
        (TRAINING, '"0 0 3 ? * SUN"', '"0 0/15 8-18 L-2 JAN,JUL ? 2026-2030"')
    ],
    "a cron of the last Friday": [(TRAINING, '"0 0 3 ? * SUN"', '"0 30 3 ? * FRIL"')],
}
