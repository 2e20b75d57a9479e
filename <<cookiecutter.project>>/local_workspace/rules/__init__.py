"""The rules that this bundle keeps, for `local_workspace check` and tests/test_rules.py.

Each is a function named after what it promises. It takes the bundle's files and yields a sentence
for whatever breaks it: the file and line; what is wrong; the remedy.
"""

from local_workspace.rules import (
    any_notebook,
    cron,
    features,
    job_schema,
    jobs,
    notebook_status,
    parameters,
    pins,
    scoring_notebooks,
    settings,
    status_task,
    training_notebooks,
    uploads,
)

RULES = (
    *settings.RULES,
    *uploads.RULES,
    *pins.RULES,
    *job_schema.RULES,
    *jobs.RULES,
    *parameters.RULES,
    *cron.RULES,
    *status_task.RULES,
    *features.RULES,
    *any_notebook.RULES,
    *notebook_status.RULES,
    *training_notebooks.RULES,
    *scoring_notebooks.RULES,
)
