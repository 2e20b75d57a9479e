"""The rules that this bundle keeps, for `local_workspace check` and tests/test_rules.py.

Each public function of these modules is a rule, named after what it promises. It takes the bundle's files
and yields a sentence for whatever breaks it: the file and line; what is wrong; the remedy.
"""

from inspect import isfunction

from local_workspace.rules import (
    cron,
    features,
    job_schema,
    jobs,
    models,
    notebooks,
    pins,
    settings,
    status_task,
    uploads,
)

MODULES = (settings, uploads, pins, job_schema, jobs, cron, status_task, features, notebooks, models)
RULES = [
    function
    for module in MODULES
    for name, function in vars(module).items()
    if isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
]
