"""The `dbutils` of a notebook task: widgets, task values, exit.

Stands for https://docs.databricks.com/aws/en/dev-tools/databricks-utils
"""

import json

MAX_TASK_VALUE_BYTES = 48 * 1024


class NotebookExit(Exception):
    """Raised by `dbutils.notebook.exit`; `except Exception` around it swallows it, as on Databricks."""


class Widgets:
    """A task's parameters. `text` and the other makers only give a default, as in a job."""

    def __init__(self, parameters: dict):
        self._values = dict(parameters)

    def get(self, name: str) -> str:
        if name not in self._values:
            raise ValueError(f"InputWidgetNotDefined: No input widget named {name} is defined")
        return self._values[name]

    def getAll(self) -> dict:
        return dict(self._values)

    def text(self, name: str, defaultValue: str, label: str = "") -> None:
        self._values.setdefault(name, defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: list, label: str = "") -> None:
        self._values.setdefault(name, defaultValue)

    combobox = multiselect = dropdown


class TaskValues:
    """Values that one task of a run leaves for the tasks after it."""

    def __init__(self, earlier: dict):
        self._earlier = earlier
        self.own = {}

    def set(self, key: str, value: object) -> None:
        """Keeps what JSON makes of the value; raises where it has no JSON, or too much."""
        if not isinstance(key, str):
            raise ValueError(f"The key of a task value is {key!r}; it must be text")
        text = json.dumps(value, allow_nan=False)
        size = len(text.encode())
        if size > MAX_TASK_VALUE_BYTES:
            raise ValueError(
                f"Task value {key!r} has {size} bytes; at most {MAX_TASK_VALUE_BYTES} are allowed"
            )
        self.own[key] = json.loads(text)

    def get(self, taskKey: str, key: str, default: object = None, debugValue: object = None) -> object:
        values = self._earlier.get(taskKey, {})
        if key in values:
            return values[key]
        if default is None:
            raise ValueError(
                f"No task value with key {key!r} found for task {taskKey!r}, and no default was given"
            )
        return default


class Jobs:
    def __init__(self, earlier: dict):
        self.taskValues = TaskValues(earlier)


class Notebook:
    def exit(self, value: str) -> None:
        raise NotebookExit(str(value))


class DBUtils:
    def __init__(self, parameters: dict, earlier_values: dict):
        self.widgets = Widgets(parameters)
        self.jobs = Jobs(earlier_values)
        self.notebook = Notebook()

    def __getattr__(self, name: str) -> object:
        raise AttributeError(f"dbutils.{name} is not part of the local workspace")
