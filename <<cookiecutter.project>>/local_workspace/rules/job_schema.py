"""Fields and values of a job, as Databricks' own package of the job schema knows them.

To the Databricks CLI these are warnings: it deploys the job without what it does not know.
"""

import re
from collections.abc import Iterator
from dataclasses import fields
from difflib import get_close_matches

import databricks.bundles.jobs as schema

from local_workspace.bundle_files import BundleFiles
from local_workspace.yaml_files import Mapping, Placed, Sequence

UNKNOWN_FIELD = re.compile(r"Unexpected field '(.+)' for class (\w+)")
UNKNOWN_VALUE = re.compile(r"'(.*)' is not a valid (\w+)")
MISSING = re.compile(r"__init__\(\) missing .*: '(.+)'")


def every_field_and_value_of_a_job_is_known(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        if refusal(job.settings, job.key, job.settings.place):
            for place, name, part in parts(job.settings):
                if sentence := refusal(part, name, place):
                    yield sentence


def parts(job: Mapping) -> Iterator[tuple[str, str, dict]]:
    """A job's fields and those of its tasks, with file, line and name, each as in a job of its own."""
    for name, value in job.items():
        if isinstance(value, Sequence):
            for index, item in enumerate(value):
                if name != "tasks" or not isinstance(item, Mapping):
                    yield value.at(index), name, {name: [item]}
        else:
            yield job.at(name), name, {name: value}
    for task in job.entries("tasks"):
        yield task.place, "task", {"tasks": [{"task_key": task["task_key"]} if "task_key" in task else {}]}
        for name, value in task.items():
            yield task.at(name), name, {"tasks": [{"task_key": "this", name: value}]}


def refusal(job: dict, name: str, place: str) -> str:
    """The sentence on the first field that is not known; empty if all are."""
    try:
        read = schema.Job.from_dict(job).as_dict()
    except (TypeError, ValueError) as error:
        if found := UNKNOWN_FIELD.search(str(error)):
            known = [field.name for field in fields(getattr(schema, found[2]))]
            return f"{place}: {found[1]} is no field that Databricks knows; write {nearest(found[1], known)}"
        if found := UNKNOWN_VALUE.search(str(error)):
            known = [member.value for member in getattr(schema, found[2])]
            nearby = nearest(found[1], known)
            return f"{place}: {name} is {found[1]}, which Databricks does not know; write {nearby}"
        if found := MISSING.search(str(error)):
            return f"{place}: {name} has no {found[1]}; add it"
        return f"{place}: {name} has a value of another kind than Databricks knows, {error}; correct it"
    found = taken_as_text(job, read)
    return "" if found is None else f"{found.place}: {found} in {name} is no text; write it as text"


def taken_as_text(value: object, read: object) -> Placed | None:
    """A list or mapping that the package turned into text; the CLI leaves it out."""
    if isinstance(value, Placed) and isinstance(read, str):
        return value
    pairs = []
    if isinstance(value, dict) and isinstance(read, dict):
        pairs = [(item, read.get(key)) for key, item in value.items()]
    if isinstance(value, list) and isinstance(read, list):
        pairs = list(zip(value, read, strict=False))
    return next((found for pair in pairs if (found := taken_as_text(*pair)) is not None), None)


def nearest(text: str, known: list[str]) -> str:
    close = get_close_matches(text, known, n=1) or get_close_matches(text.upper(), known, n=1)
    if close:
        return close[0]
    return " or ".join(sorted(known)) if len(known) <= 10 else "one that its documentation names"


RULES = (every_field_and_value_of_a_job_is_known,)
