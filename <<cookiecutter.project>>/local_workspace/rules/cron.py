"""Quartz cron expressions, of six or seven fields.

https://www.quartz-scheduler.org/documentation/quartz-2.3.0/tutorials/crontrigger.html
Libraries that were tried say less: cron-descriptor 2.2 takes `0 0 25 ? * SUN`, croniter 7.0 refuses
FRIL and takes `0 0 3 * * *`, cronsim 2.8 refuses every `?`, quartz-cron-checker 0.2 refuses FRIL.
"""

import re
from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles

MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()
FIELDS = (  # name, smallest, largest, names of the values from the smallest on, further forms
    ("seconds", 0, 59, [], ""),
    ("minutes", 0, 59, [], ""),
    ("hours", 0, 23, [], ""),
    ("day of month", 1, 31, [], r"\?|L(-\d+)?W?|\d+W"),
    ("month", 1, 12, MONTHS, ""),
    ("day of week", 1, 7, DAYS, r"\?|L|([1-7]|[A-Z]{3})(L|#[1-5])"),
    ("year", 1970, 2199, [], ""),
)
PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")


def every_schedule_is_a_quartz_expression(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        if schedule := job.settings.section("schedule"):
            place = schedule.at("quartz_cron_expression")
            expression = str(schedule.get("quartz_cron_expression", ""))
            if problem := wrong_with(expression):
                yield f"{place}: the schedule {expression!r} is no Quartz expression, {problem}"


def wrong_with(expression: str) -> str:
    """What is wrong with a cron expression, and the remedy; empty if it can be used."""
    given = expression.upper().split()
    if len(given) not in (6, 7):
        return (
            f"it has {len(given)} fields; write seconds, minutes, hours, day of month, month, day of week "
            "and, if you want, year"
        )
    for text, (name, smallest, largest, names, further) in zip(given, FIELDS, strict=False):
        values = {word: smallest + index for index, word in enumerate(names)}
        for part in text.split(","):
            if not (further and re.fullmatch(further, part)) and not is_part(part, smallest, largest, values):
                return f"{part} is no {name}; write a value of {smallest} to {largest}, a range, a step or *"
    if (given[3] == "?") == (given[5] == "?"):
        return "only one of day of month and day of week can be set; write ? for the other one of the two"
    return ""


def is_part(part: str, smallest: int, largest: int, values: dict[str, int]) -> bool:
    """Whether a part is *, a value or a range, with or without a step."""
    match = PART.fullmatch(part)
    bounds = [bound for bound in match.groups()[:2] if bound] if match else [""]
    numbers = [values.get(bound, int(bound) if bound.isdigit() else -1) for bound in bounds]
    step = int(match[3] or 1) if match else 0
    return all(smallest <= number <= largest for number in numbers) and 1 <= step <= largest


RULES = (every_schedule_is_a_quartz_expression,)
