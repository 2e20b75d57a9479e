"""The `dbutils` of a notebook task: widgets, task values, exit. The rest is refused, with a remedy.

Stands for https://docs.databricks.com/aws/en/dev-tools/databricks-utils
"""

import json
from typing import Any

EarlierValues = dict[str, dict[str, Any]]  # task values, by the tasks that set them
MAX_TASK_VALUE_BYTES = 48 * 1024
INSTEAD = {
    "dbutils.fs": "keep data in tables, or files in a temporary folder",
    "dbutils.secrets": "read an environment variable, which the option environment names",
    "dbutils.notebook.run": "make the notebook a task of its own, or include it by %run",
    "dbutils.library": "list packages in the job's environment and in pyproject.toml",
    "dbutils.data": "print df.summary()",
}


class NotebookExit(Exception):
    """Raised by `dbutils.notebook.exit`; `except Exception` around it swallows it, as on Databricks."""


class PythonRestart(BaseException):
    """Raised by `dbutils.library.restartPython`; the next cell goes on without the names of those before."""


class Refusing:
    """A part of `dbutils`; what it does not have is refused by its full name."""

    _name = "dbutils"

    def __getattr__(self, name: str) -> object:
        asked = f"{self._name}.{name}"
        remedy = INSTEAD.get(asked, INSTEAD.get(self._name, "do without it"))
        raise AttributeError(f"{asked} is not part of the local workspace; {remedy}")


class Widgets(Refusing):
    """A task's parameters. `text` and the other makers only give a default, as in a job."""

    _name = "dbutils.widgets"

    def __init__(self, parameters: dict[str, str]):
        self._values = dict(parameters)

    def get(self, name: str) -> str:
        if name not in self._values:
            raise ValueError(f"InputWidgetNotDefined: No input widget named {name} is defined")
        return self._values[name]

    def getAll(self) -> dict[str, str]:
        return dict(self._values)

    def text(self, name: str, defaultValue: str, label: str = "") -> None:
        self._values.setdefault(name, defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: list[str], label: str = "") -> None:
        self._values.setdefault(name, defaultValue)

    combobox = multiselect = dropdown


class TaskValues:
    """Values that one task of a run leaves for the tasks after it."""

    def __init__(self, earlier: EarlierValues):
        self._earlier = earlier
        self.own: dict[str, Any] = {}

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


class Jobs(Refusing):
    _name = "dbutils.jobs"

    def __init__(self, earlier: EarlierValues):
        self.taskValues = TaskValues(earlier)


class Notebook(Refusing):
    _name = "dbutils.notebook"

    def exit(self, value: str) -> None:
        raise NotebookExit(str(value))


class Library(Refusing):
    _name = "dbutils.library"

    def restartPython(self) -> None:
        raise PythonRestart


class DBUtils(Refusing):
    def __init__(self, parameters: dict[str, str], earlier_values: EarlierValues):
        self.widgets = Widgets(parameters)
        self.jobs = Jobs(earlier_values)
        self.notebook = Notebook()
        self.library = Library()
