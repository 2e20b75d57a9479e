"""Quartz cron expressions, of six or seven fields.

https://www.quartz-scheduler.org/documentation/quartz-2.3.0/tutorials/crontrigger.html
Libraries that were tried say less: cron-descriptor 2.2 takes `0 0 25 ? * SUN`, croniter 7.0 refuses
FRIL and takes `0 0 3 * * *`, cronsim 2.8 refuses every `?`, quartz-cron-checker 0.2 refuses FRIL.
"""

import re
from collections.abc import Iterator

from local_workspace.rules.bundle_files import BundleFiles

MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
DAYS = "SUN|MON|TUE|WED|THU|FRI|SAT"
FIELDS = (  # name, smallest and largest number, how a value is written
    ("seconds", 0, 59, r"\d+"),
    ("minutes", 0, 59, r"\d+"),
    ("hours", 0, 23, r"\d+"),
    ("day of month", 1, 31, r"\d+W?|\?|L(-\d+)?W?"),
    ("month", 1, 12, rf"\d+|{MONTHS}"),
    ("day of week", 1, 7, rf"(\d|{DAYS})(L|#[1-5])?|\?|L"),
    ("year", 1970, 2199, r"\d+"),
)


def every_schedule_is_a_quartz_expression(bundle: BundleFiles) -> Iterator[str]:
    for job in bundle.jobs:
        if schedule := job.settings.section("schedule"):
            expression = schedule.name("quartz_cron_expression")
            if problem := _wrong_with(expression):
                yield f"{schedule.at('quartz_cron_expression')}: {expression!r} is no schedule, {problem}"


def _wrong_with(expression: str) -> str:
    """What is wrong with a cron expression, and the remedy; empty if it can be used."""
    given = expression.upper().split()
    if len(given) not in (6, 7):
        fields = ", ".join(name for name, *_ in FIELDS)
        return f"it has {len(given)} fields; write {fields}, the last if you want"
    for text, (name, smallest, largest, value) in zip(given, FIELDS, strict=False):
        part = rf"(\*|({value})(-({value}))?)(/[1-9]\d*)?"
        numbers = re.findall(r"(?<!/)\b\d+", text)  # all but steps
        within = all(smallest <= int(number) <= largest for number in numbers)
        if not within or not re.fullmatch(rf"{part}(,{part})*", text):
            return f"{text} is no {name}; write values of {smallest} to {largest}, a range, a step or *"
    if (given[3] == "?") == (given[5] == "?"):
        return "since day of month and day of week exclude each other; write ? for one of the two"
    return ""
