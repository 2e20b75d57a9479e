"""Fields and values of a job, as Databricks' own package of the job schema knows them.

To the Databricks CLI these are warnings: it deploys the job without what it does not know.
"""

import dataclasses
import enum
import types
import typing
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

from databricks.bundles.core import Variable
from databricks.bundles.jobs import Job

from rules.bundle_files import BundleFiles


def every_field_and_value_of_a_job_is_known(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        for place, problem in problems(job.settings, Job, ()):
            yield f"{job.file}, job {job.key}: {'.'.join(place)} {problem}"


def problems(value, kind, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where a value does not fit its type, with what is wrong and the remedy."""
    kind = without_variable(kind)
    if value is None or kind is typing.Any or (isinstance(value, str) and "${" in value):
        return
    if typing.get_origin(kind) is list:
        yield from problems_of_list(value, kind, place)
    elif typing.get_origin(kind) is dict:
        if not isinstance(value, dict):
            yield place, f"is {value!r}; write it as a mapping of names to values"
            return
        for name, item in value.items():
            yield from problems(item, typing.get_args(kind)[1], (*place, str(name)))
    elif dataclasses.is_dataclass(kind):
        yield from problems_of_fields(value, kind, place)
    elif issubclass(kind, enum.Enum):
        known = sorted(member.value for member in kind)
        if value not in known:
            yield place, f"is {value!r}, which Databricks does not know; write {nearest(str(value), known)}"
    elif not fits(value, kind):
        yield place, f"is {value!r}; write {'text' if kind is str else f'a value of type {kind.__name__}'}"


def problems_of_list(value, kind, place):
    if not isinstance(value, list):
        yield place, f"is {value!r}; write it as a list"
        return
    for number, item in enumerate(value, start=1):
        keys = ("task_key", "environment_key", "job_cluster_key", "name")
        named = [item[key] for key in keys if key in item] if isinstance(item, dict) else []
        yield from problems(item, typing.get_args(kind)[0], (*place, str(named[0] if named else number)))


def problems_of_fields(value, kind, place):
    if not isinstance(value, dict):
        yield place, f"is {value!r}; write it as a mapping of names to values"
        return
    known = fields(kind)
    for name, item in value.items():
        if name in known:
            yield from problems(item, known[name], (*place, name))
        else:
            yield (
                (*place, str(name)),
                f"is no field that Databricks knows; write {nearest(str(name), list(known))}",
            )
    for field in dataclasses.fields(kind):
        if field.default is field.default_factory and value.get(field.name) is None:  # both MISSING: required
            yield (*place, field.name), "is missing; add it"


@cache
def fields(kind) -> dict:
    """The type of each field of a dataclass."""
    return typing.get_type_hints(kind)


@cache
def without_variable(kind):
    """The type itself, where it may also be a variable or None."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        args = typing.get_args(kind)
        return next(a for a in args if typing.get_origin(a) is not Variable and a is not type(None))
    return kind


def fits(value, kind: type) -> bool:
    """As the CLI converts: text from any single value, a number also from its digits."""
    if kind is str:
        return isinstance(value, str | int | float)
    if kind is bool:
        return isinstance(value, bool) or str(value) in ("true", "false")
    return (
        not isinstance(value, bool) and str(value).removeprefix("-").replace(".", "", kind is float).isdigit()
    )


def nearest(text: str, known: list[str]) -> str:
    close = get_close_matches(text, known, n=1) or get_close_matches(text.upper(), known, n=1)
    if close:
        return close[0]
    return " or ".join(known) if len(known) <= 10 else "one that its documentation names, or remove it"


RULES = (every_field_and_value_of_a_job_is_known,)
