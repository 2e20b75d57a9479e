"""What the texts of a CSV column are: numbers, times, codes; and how they become it.

A column has a type only where each of its texts has that form and stays one of its own: `007`, `10D`, `1E2`
and numbers of 20 digits stay text, since as numbers two of them could become one.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pyarrow
import pyarrow.compute as pc

SHORT = r"(0|[1-9]\d{0,17})"  # what a whole number of Spark can always hold
WHOLE = r"(0|[1-9]\d*)"
EXPONENT = r"[eE][+-]?\d+"
GROUPS = r"[1-9]\d{0,2}"
SPACES = r" \x{a0}\x{202f}"
KINDS = {  # the first that all texts of a column have is its type
    "whole": rf"[+-]?{SHORT}",
    "point": (  # an exponent without sign or point is a code's letter
        rf"[+-]?({SHORT}|{WHOLE}\.\d*|\.\d+|\d+\.\d*{EXPONENT}|\d+[eE][+-]\d+|(?i:inf|infinity))"
    ),
    "comma": rf"[+-]?({SHORT}|{WHOLE},\d+|\d+,\d+{EXPONENT}|{GROUPS}([.{SPACES}]\d{{3}})+(,\d+)?)",
    "groups": rf"[+-]?({SHORT}|{WHOLE}\.\d+|{GROUPS}([,'\x{{2019}}{SPACES}]\d{{3}})+(\.\d+)?)",
    "truth": r"(?i:true|false)",
    "date": r"\d{4}-\d\d-\d\d",
    "time": r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?\s?(Z|UTC|[+-]\d\d(:?\d\d)?)?",
}
NUMBERS = ("whole", "point", "comma", "groups")
HABITS = {  # what a column may be besides, which decides where its numbers can be read in two ways
    "phone": r"\+\d{8,}",
    "point groups": rf"[+-]?(0|{GROUPS}(\.\d{{3}})*)",
    "comma groups": rf"[+-]?(0|{GROUPS}(,\d{{3}})*)",
    "space groups": rf"[+-]?(0|{GROUPS}( \d{{3}})*)",
    "two letters": "[A-Z]{2}",
}
FIGURES = re.compile(r"(?!\d+$|\+\d{8,}$)[^a-zA-Z]*\d[^a-zA-Z]*")  # taken for a number or a time by a person
MISSING = ["", r"\N", "NULL", "null", "NaN", "nan", "NA", "<NA>", "N/A", "n/a", "#N/A", "#NV"]
# Among numbers and times these are missing too; in a text column they may be a category.
MISSING_NUMBERS = ["na", "Null", "NAN", "None", "none", "-", "--", "?", ".", "#VALUE!", "#DIV/0!", "#NUM!"]
PROBE = 100
TYPES = {
    "whole": pyarrow.int64(),
    "point": pyarrow.float64(),
    "comma": pyarrow.float64(),
    "groups": pyarrow.float64(),
    "truth": pyarrow.bool_(),
    "date": pyarrow.date32(),
    "time": pyarrow.timestamp("us", tz="UTC"),
    "text": pyarrow.string(),
}


class Column(NamedTuple):
    """A column's type, what is missing in it, and what a person may not expect of it."""

    kind: str
    missing: list[str]
    said: str

    @property
    def type(self) -> pyarrow.DataType:
        return TYPES[self.kind]

    def read(self, texts: pyarrow.StringArray) -> pyarrow.Array:
        """The values of texts; NULL where one is missing."""
        trimmed = pc.utf8_trim_whitespace(texts)
        values = texts if self.kind == "text" else trimmed
        is_missing = pc.is_in(trimmed, pyarrow.array(self.missing, pyarrow.string()))
        return READ[self.kind](pc.if_else(is_missing, None, values))


class Texts:
    """What the texts of a column have in common, as block after block of them is seen."""

    def __init__(self) -> None:
        self.kinds = list(KINDS)
        self.habits = list(HABITS)
        self.missing: Counter[str] = Counter()
        self.count = 0
        self.odd = ""  # the first text that is no number, in a column that has numbers
        self.first = ""  # the first that is not missing

    def see(self, texts: pyarrow.StringArray) -> None:
        trimmed = pc.utf8_trim_whitespace(texts)
        is_missing = pc.is_in(trimmed, pyarrow.array(MISSING + MISSING_NUMBERS))
        missing = pc.value_counts(pc.filter(trimmed, is_missing))
        self.missing.update({item["values"]: item["counts"] for item in missing.to_pylist()})
        values = pc.drop_null(pc.filter(trimmed, pc.invert(is_missing)))
        if not len(values):
            return
        self.first = self.first or values[0].as_py()
        had_numbers = self.count > 0 and "point" in self.kinds
        self.count += len(values)
        # What is whole throughout, as most numbers are, has the forms of the other numbers too.
        known = NUMBERS if "whole" in self.kinds and _all(values, KINDS["whole"]) else ()
        was_number = "point" in self.kinds
        self.kinds = [
            kind for kind in self.kinds if kind in known or (not known and _is(values, kind, KINDS[kind]))
        ]
        self.habits = [name for name in self.habits if _all(values, HABITS[name])]
        if was_number and not set(NUMBERS) & set(self.kinds):
            is_number = pc.match_substring_regex(values, f"^({KINDS['point']})$")
            if had_numbers or pc.any(is_number).as_py():
                self.odd = pc.filter(values, pc.invert(is_number))[0].as_py()

    def decide(self, separator: str, comma: bool) -> Column:
        """The type; `comma` says whether numbers of this file have a decimal comma."""
        kind = self.kinds[0] if self.kinds and self.count and "phone" not in self.habits else "text"
        if kind == "point" and comma and "point groups" in self.habits:
            kind = "comma"
        if kind == "comma" and "groups" in self.kinds and "comma groups" in self.habits and separator == ",":
            kind = "groups"
        if kind in ("comma", "groups") and "space groups" in self.habits:
            kind = "text"  # as 123 456 is a telephone's number or a code more often than a number
        odd = self.odd or (self.first if FIGURES.fullmatch(self.first) else "")
        stays = "NA" if kind == "text" and self.count and "two letters" in self.habits else None
        words = MISSING if kind == "text" else MISSING + MISSING_NUMBERS
        missing = [word for word in words if word != stays]
        said = {
            "comma": "has a decimal comma",
            "groups": "has separated thousands",
            "text": f"stays text, because of {odd[:40]!r}" if odd else "",
        }.get(kind, "")
        if stays and self.missing[stays]:
            said = "keeps 'NA' as a text, like its other texts of two letters"
        return Column(kind, missing, said)

    def has_comma(self) -> bool:
        """Whether its numbers can only be read with a decimal comma."""
        kinds = [kind for kind in self.kinds if kind in NUMBERS]
        return self.count > 0 and kinds == ["comma"]


def judge(texts: list[str | None]) -> Column:
    """What a few texts are."""
    seen = Texts()
    seen.see(pyarrow.array(texts, pyarrow.string()))
    return seen.decide(",", comma=False)


def _all(values: pyarrow.StringArray, pattern: str) -> bool:
    few = len(values) > PROBE and not _all(values[:PROBE], pattern)  # which tells most columns apart
    return not few and bool(pc.all(pc.match_substring_regex(values, f"^({pattern})$")).as_py())


def _is(values: pyarrow.StringArray, kind: str, pattern: str) -> bool:
    """Whether all texts have this form, and are what it promises: there is no February 30."""
    if not _all(values, pattern):
        return False
    if kind in ("date", "time"):
        try:
            READ[kind](values)
        except pyarrow.ArrowInvalid:
            return False
    return True


def _read_time(values: pyarrow.StringArray) -> pyarrow.Array:
    """Times in microseconds; one without a zone is one of UTC."""
    values = pc.replace_substring_regex(values, r"(\.\d{6})\d+", r"\1")
    values = pc.replace_substring_regex(values, r"\s?(Z|UTC)$|\s?[+-]00(:?00)?$", "")
    values = pc.replace_substring_regex(values, r"([T ]\d\d:\d\d\S*?)\s?([+-]\d\d(:?\d\d)?)$", r"\1\2")
    has_zone = pc.match_substring_regex(values, r":\d\d(\.\d+)?[+-]\d\d(:?\d\d)?$")
    plain = pc.cast(pc.if_else(has_zone, None, values), pyarrow.timestamp("us"))
    zoned = pc.cast(pc.if_else(has_zone, values, None), TYPES["time"])
    return pc.coalesce(zoned, pc.assume_timezone(plain, "UTC"))


def _number(away: str, comma: str = ".") -> Callable[[pyarrow.StringArray], pyarrow.Array]:
    def read(values: pyarrow.StringArray) -> pyarrow.Array:
        values = pc.replace_substring_regex(values, rf"^\+|{away}", "")
        return pc.cast(pc.replace_substring(values, comma, "."), pyarrow.float64())

    return read


READ: dict[str, Callable[[pyarrow.StringArray], pyarrow.Array]] = {
    "whole": lambda values: pc.cast(pc.utf8_ltrim(values, "+"), pyarrow.int64()),
    "point": lambda values: pc.cast(pc.utf8_ltrim(values, "+"), pyarrow.float64()),
    "comma": _number(rf"[.{SPACES}]", ","),
    "groups": _number(rf"[,'\x{{2019}}{SPACES}]"),
    "truth": lambda values: pc.equal(pc.utf8_lower(values), "true"),
    "date": lambda values: pc.cast(values, pyarrow.date32()),
    "time": _read_time,
    "text": lambda values: values,
}
