"""What Spark says of an error, as one line for a person."""

import re

WHERE = re.compile(r"\(line \d+, pos \d+\)|(?<=; )line \d+ pos \d+")
MORE = re.compile(r"\s*SQLSTATE:|\n\n|\n\s*at |\nJVM stacktrace")  # a plan, a trace


def in_short(error: Exception) -> str:
    """The first two sentences, the second often a remedy; with line and position where it has them."""
    message = str(error)
    text = re.sub(r"^\[[A-Z_.]+\]\s*", "", " ".join(MORE.split(message)[0].split()))
    first, *second = re.split(r"\.\s+(?=[A-Z])", text.rstrip(". ;"))[:2]
    where = WHERE.search(message)
    place = f" ({where[0].strip('()')})" if where else ""
    return "; ".join([first + place, *[remedy[0].lower() + remedy[1:] for remedy in second]])
