"""Fields and values of a job, as Databricks' own package of the job schema knows them.

To the Databricks CLI these are warnings: it deploys the job without what it does not know.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Union, get_args, get_origin, get_type_hints

import databricks.bundles.jobs as schema
from databricks.bundles.core import Variable

from local_workspace.bundle.substitutions import REFERENCE
from local_workspace.bundle.yaml_files import Mapping, Placed
from local_workspace.rules.bundle_files import BundleFiles

SCALARS = {  # how they are written
    str: ("text", r"(?s).*"),
    int: ("a whole number", r"-?\d+"),
    float: ("a number", r"-?\d+(\.\d*)?"),
    bool: ("true or false", r"(?i)true|false"),
}


def every_field_and_value_of_a_job_is_known(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        yield from _unknown(job.settings, schema.Job, job.key, job.settings.place)


def _unknown(value: object, kind: Any, name: str, place: str) -> Iterator[str]:
    """What is not known in a value that the schema wants to be of a kind."""
    if get_origin(kind) is Union:
        kind = next(one for one in get_args(kind) if one is not NoneType and get_origin(one) is not Variable)
    if value is None or kind is Any or (isinstance(value, str) and REFERENCE.search(value)):
        return
    if isinstance(value, Mapping) and isinstance(kind, type) and is_dataclass(kind):
        known = _type_hints(kind)
        for key in value:
            if key in known:
                yield from _unknown(value[key], known[key], key, value.at(key))
            else:
                yield f"{value.at(key)}: {key} is no field that Databricks knows; {_nearest(key, known)}"
        for field in fields(kind):
            if field.default is field.default_factory is MISSING and field.name not in value:
                yield f"{place}: {field.name} of {name} is missing; add it"
    elif isinstance(value, Placed) and get_origin(kind) is (dict if isinstance(value, Mapping) else list):
        parts: Any = value
        for key in value.places:
            yield from _unknown(parts[key], get_args(kind)[-1], f"{name}[{key}]", value.at(key))
    elif isinstance(kind, type) and issubclass(kind, Enum):
        values = [member.value for member in kind]
        if value not in values:
            remedy = _nearest(str(value), values)
            yield f"{place}: {name} is {value}, which Databricks does not know; {remedy}"
    else:
        what, pattern = SCALARS.get(kind, ("a list or a mapping", "(?!)"))
        if isinstance(value, Placed) or not re.fullmatch(pattern, str(value)):
            yield f"{place}: {name} is {value} in place of {what}; correct it"


_type_hints = cache(get_type_hints)


def _nearest(text: object, known: Iterable[str]) -> str:
    """The remedy for a name that is not known."""
    known = list(known)
    close = [name for word in (str(text), str(text).upper()) for name in get_close_matches(word, known, n=1)]
    named = " or ".join(sorted(known)) if len(known) <= 10 else "one that its documentation names"
    return f"write {close[0] if close else named}"
