"""What the Databricks CLI makes of YAML's scalars: it reads them as YAML 1.2 and fits them to each field.

So `yes` is the text yes, `0x1F` is 31, and a notebook gets `true` and `1.1`, never Python's words.
https://github.com/databricks/cli/blob/main/libs/dyn/yamlloader/loader.go
https://github.com/databricks/cli/blob/main/libs/dyn/convert/normalize.go
"""

import math
import re
from decimal import Decimal

NULL = re.compile(r"~|null|Null|NULL|")
BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)")
FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
NUMBERS = (  # fields of a job that are whole numbers, among those that a run reads
    "timeout_seconds",
    "max_retries",
    "min_retry_interval_millis",
    "concurrency",
    "max_concurrent_runs",
)
SWITCHES = ("disabled", "retry_on_timeout", "disable_auto_optimization")
YES = ("true", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON")
NO = ("false", "n", "N", "no", "No", "NO", "off", "Off", "OFF")
INT64 = 2**63


def integer(text: str) -> int:
    """The number that an INTEGER means: a leading 0 says nothing, 0x, 0o and 0b do."""
    number = int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else int(text, 0)
    if not -INT64 <= number < INT64:
        raise ValueError(f"{text} is too large a number, so it needs quotes")
    return number


def text_of(value: object) -> str:
    """A scalar as the text of a field."""
    if isinstance(value, bool):
        return str(value).lower()
    return _digits(value) if isinstance(value, float) else str(value)


def text_within(value: object) -> str:
    """A scalar as a part of a text; very small and very large numbers keep their exponent there."""
    if value is None:
        return "<nil>"
    if not isinstance(value, float) or not math.isfinite(value):
        return text_of(value)
    return text_of(value) if value == 0 or 1e-4 <= abs(value) < 1e21 else repr(value)


def fit(value: object, field: str) -> object:
    """A scalar as a job's field takes it; raises ValueError, with what the field takes, where it does not."""
    if field in NUMBERS:
        if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+", value):
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("a whole number")
    elif field in SWITCHES:
        if value in YES or value in NO:
            return value in YES
        if not isinstance(value, bool):
            raise ValueError("true or false")
    else:
        return text_of(value)
    return value


def _digits(value: float) -> str:
    """All digits of a number, as few as give it back, without an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".title()
    text = f"{Decimal(repr(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
