"""The `{{...}}` in a job's and a task's settings.

Stands for https://docs.databricks.com/aws/en/jobs/dynamic-value-references: what has no known beginning, or
is no reference by its form, stays as it is written; what begins as a reference and is none is an error.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from types import UnionType

from local_workspace.jobs.outcomes import TaskRun

REFERENCE = re.compile(r"\{\{\s*([^}]*?)\s*\}\}")
IDENTIFIER = r"(?:`[^`]+`|\w+)"
SCOPES = ("job", "task", "tasks", "workspace", "backfill", "input")
TIMES: dict[str, Callable[[datetime], object]] = {  # all in UTC
    "iso_weekday": datetime.isoweekday,
    "is_weekday": lambda time: time.isoweekday() <= 5,
    "iso_date": lambda time: time.date().isoformat(),
    "iso_datetime": lambda time: time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "year": lambda time: time.year,
    "month": lambda time: time.month,
    "day": lambda time: time.day,
    "hour": lambda time: time.hour,
    "minute": lambda time: time.minute,
    "second": lambda time: time.second,
    "timestamp_ms": lambda time: int(time.timestamp() * 1000),
}
OF_A_RUN = {  # `*` stands for any name
    *("job.id", "job.name", "job.run_id", "job.repair_count", "job.trigger.type", "job.parameters.*"),
    *(f"job.{event}.{name}" for event in ("start_time", "trigger.time") for name in TIMES),
    *("task.name", "task.run_id", "task.execution_count"),
    *(f"tasks.*.{name}" for name in ("run_id", "result_state", "execution_count", "values.*")),
}
OF_A_WORKSPACE = (  # the same; one that ends with a point is the beginning of several
    *("job.trigger.file_arrival.", "job.trigger.table_update.", "job.trigger.model.", "backfill."),
    *("workspace.id", "workspace.url", "task.notebook_path"),
    *("tasks.*.error_code", "tasks.*.notebook_path", "tasks.*.output."),
)


class UnresolvedError(Exception):
    """A reference to what has no value; the message says which, and the remedy."""


def names(reference: str) -> list[str]:
    """The names of a reference, `tasks`, `a` and so on; none where it has not a reference's form."""
    if not re.fullmatch(rf"{IDENTIFIER}(\.{IDENTIFIER})*", reference, re.ASCII):
        return []
    return [name.strip("`") for name in re.findall(IDENTIFIER, reference, re.ASCII)]


def found_in(text: str) -> Iterator[str]:
    """The references that a workspace would take for such, known or not."""
    for reference in REFERENCE.findall(text):
        if re.fullmatch(rf"({'|'.join(SCOPES)})(\.\S+)?", reference):
            yield reference


def lost(reference: str, parameters: Collection[str], tasks: Collection[str], before: Collection[str]) -> str:
    """What is wrong with a reference in any workspace, and the remedy; empty if it leads somewhere.

    `parameters` are the job's; `tasks` has the keys of its tasks, `before` those that have ended by then.
    """
    scope, kind, name, *_ = [*names(reference), "", "", ""]
    if not scope:
        return "has a name with other characters than letters, digits and _; write that name in backticks"
    if (scope, kind) == ("job", "parameters") and name not in parameters:
        return f"is no parameter of the job, which has {', '.join(parameters)}; correct it, or declare it"
    if scope == "tasks" and kind not in tasks:
        return "refers to no task of the job; correct its key"
    if scope == "tasks" and kind not in before:
        return "refers to a task that need not have ended by then; add it to depends_on"
    if not (_pattern(reference) in OF_A_RUN or only_elsewhere(reference) or scope == "input"):
        return "is no dynamic value reference that Databricks documents; correct it"
    return ""


def only_elsewhere(reference: str) -> bool:
    """Whether a workspace alone knows what the reference stands for."""
    pattern = _pattern(reference)
    return any(pattern.startswith(name) if name[-1] == "." else pattern == name for name in OF_A_WORKSPACE)


def text_of(value: object) -> str:
    """A value as it arrives in a parameter: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Values:
    """What references stand for in one task's settings, or in a job's own.

    `known` has values by their full names; `started` is the run's begin in UTC; `parameters` are the job's;
    `tasks` maps the key of each task that has ended to its TaskRun; tasks in `left_out` are no part of this
    run, so what refers to them stays as it is; `item` has the element that a for_each_task is at.
    """

    def __init__(
        self,
        known: dict[str, object],
        started: datetime,
        parameters: dict[str, str],
        tasks: dict[str, TaskRun],
        left_out: set[str],
        item: tuple[object, ...] = (),
    ):
        self._known = known | {
            f"job.{event}.{name}": time(started)
            for event in ("start_time", "trigger.time")
            for name, time in TIMES.items()
        }
        self._parameters, self._tasks, self._left_out, self._item = parameters, tasks, left_out, item

    def resolve(self, text: object, kinds: type | UnionType = object) -> str:
        """`text` with its references replaced; raises where one has no value, or one of another kind."""

        def replaced(match: re.Match[str]) -> str:
            path = names(match[1])
            if match[1] in self._known:
                value = self._known[match[1]]
            elif not path or path[0] not in SCOPES or self._is_left_out(path):
                return match[0]
            else:
                value = self._look_up(match[0], path)
            if not isinstance(value, kinds):
                raise UnresolvedError(f"{match[0]} is {text_of(value)}; make it a number, text or boolean")
            return text_of(value)

        return REFERENCE.sub(replaced, text_of(text))

    def _is_left_out(self, path: list[str]) -> bool:
        return path[0] == "tasks" and len(path) > 1 and path[1] in self._left_out

    def _look_up(self, reference: str, path: list[str]) -> object:
        match path:
            case ["job", "parameters", name] if name in self._parameters:
                return self._parameters[name]
            case ["tasks", key, "values", name] if key in self._tasks:
                if name in self._tasks[key].values:
                    return self._tasks[key].values[name]
                raise UnresolvedError(f"{reference}: {key} has set no such task value; set it there")
            case ["tasks", key, "result_state"] if key in self._tasks:
                return self._tasks[key].result
            case ["tasks", key, "run_id"] if key in self._tasks:
                return self._tasks[key].run_id
            case ["tasks", key, "execution_count"] if key in self._tasks:
                return self._tasks[key].executions
            case ["input"] if self._item:
                return self._item[0]
            case ["input", name] if self._item and isinstance(self._item[0], dict) and name in self._item[0]:
                return self._item[0][name]
        raise UnresolvedError(f"{reference} has no value in this run; correct it")


def _pattern(reference: str) -> str:
    """The reference with `*` for the names that a user gave."""
    path, given = names(reference), set()
    if path[:1] == ["tasks"]:
        given = {1, 3} if path[2:3] == ["values"] else {1}
    elif path[:2] == ["job", "parameters"]:
        given = {2}
    return ".".join("*" if index in given else name for index, name in enumerate(path))
