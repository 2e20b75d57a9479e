"""The `{{...}}` in a task's parameters.

Stands for https://docs.databricks.com/aws/en/jobs/dynamic-value-references
"""

import re

REFERENCE = re.compile(r"\{\{\s*([^}]*?)\s*\}\}")


class ReferenceError(Exception):
    """A reference to nothing; Databricks would pass it on as it stands."""


def resolve(text: str, known: dict, parameters: dict, tasks: dict, left_out: set) -> str:
    """`text` with its references replaced.

    `known` has values by their full name, such as `job.run_id`; `parameters` are the job's; `tasks`
    maps a task's key to an object with `result` and `values`; a task in `left_out` is not part of this
    run, so what refers to it stays as it is.
    """

    def value_of(match: re.Match) -> str:
        name = match[1]
        if name in known:
            return str(known[name])
        scope, *rest = name.split(".")
        if scope == "job" and len(rest) == 2 and rest[0] == "parameters" and rest[1] in parameters:
            return parameters[rest[1]]
        if scope == "tasks" and rest and rest[0] in left_out:
            return match[0]
        if scope == "tasks" and len(rest) >= 2 and rest[0] in tasks:
            task = tasks[rest[0]]
            if rest[1:] == ["result_state"]:
                return task.result
            if len(rest) == 3 and rest[1] == "values" and rest[2] in task.values:
                return str(task.values[rest[2]])
        raise ReferenceError(f"{match[0]} refers to nothing; correct the reference")

    return REFERENCE.sub(value_of, text)
