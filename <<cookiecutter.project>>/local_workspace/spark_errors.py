"""What Spark says of an error, as one line for a person."""

import re

WHERE = re.compile(r"\(line \d+, pos \d+\)|(?<=; )line \d+ pos \d+")


def in_short(error: Exception) -> str:
    """The message without its class, SQLSTATE, plan and trace; with line and position where it has them."""
    message = str(error)
    text = re.split(r"\s*SQLSTATE:|\n\n|\n\s*at |\nJVM stacktrace", message)[0]
    text = re.sub(r"^\[[A-Z_.]+\]\s*", "", " ".join(text.split()))
    where = WHERE.search(message)
    return f"{text.rstrip('. ;')} ({where[0].strip('()')})" if where else text.rstrip(". ;")
