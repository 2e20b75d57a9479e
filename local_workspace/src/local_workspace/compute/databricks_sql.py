"""Databricks SQL statements that open-source Spark 4.0 does not parse, said in statements that it does.

Primary keys and tags become table properties, which `unity_catalog` reads.
Stands for https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-table-add-constraint
and https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-table-using
"""

import re

PRIMARY_KEY = "unity_catalog.primary_key"
TIMESERIES = "unity_catalog.timeseries"
TAG = "unity_catalog.tag."

_NAME = r"([^\s(]+)"
_CONSTRAINT = rf"(?:CONSTRAINT\s+{_NAME}\s+)?PRIMARY\s+KEY\s*\(([^)]*)\)"


def translate(statement: str) -> str:
    """`statement` as open-source Spark understands it; most pass unchanged."""
    text = statement.strip().rstrip(";")
    if match := _match(rf"DESCRIBE\s+CATALOG\s+{_NAME}", text):
        return f"SHOW CATALOGS LIKE '{_plain(match[1])}'"
    if match := _match(rf"ALTER\s+TABLE\s+{_NAME}\s+ADD\s+{_CONSTRAINT}(?:\s+RELY)?", text):
        return f"ALTER TABLE {match[1]} SET TBLPROPERTIES ({_key_properties(match[3])})"
    if match := _match(rf"(CREATE\s+.*?TABLE\s.*?),\s*{_CONSTRAINT}(.*)", text):
        return match[1] + _with_properties(match[4], _key_properties(match[3]))
    if match := _match(rf"ALTER\s+TABLE\s+{_NAME}\s+ALTER\s+COLUMN\s+{_NAME}\s+SET\s+NOT\s+NULL", text):
        constraint = f"{_plain(match[2])}_not_null"
        return f"ALTER TABLE {match[1]} ADD CONSTRAINT {constraint} CHECK ({match[2]} IS NOT NULL)"
    if match := _match(rf"ALTER\s+TABLE\s+{_NAME}\s+SET\s+TAGS\s*\((.*)\)", text):
        tags = re.sub(r"'([^']*)'\s*=", rf"'{TAG}\1' =", match[2])
        return f"ALTER TABLE {match[1]} SET TBLPROPERTIES ({tags})"
    return statement


def without_comments(statement: str) -> str:
    """A statement whose beginning can be compared; a text in quotes may lose what looks like a comment."""
    return re.sub(r"/\*.*?\*/|--[^\n]*", " ", statement, flags=re.DOTALL)


def _match(pattern: str, text: str) -> re.Match[str] | None:
    return re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL)


def _with_properties(clauses: str, properties: str) -> str:
    """The clauses of a CREATE TABLE with more properties, in its TBLPROPERTIES if it has them."""
    if match := _match(r"(.*\bTBLPROPERTIES\s*\()(.*)", clauses):
        return f"{match[1]}{properties}, {match[2]}"
    return f"{clauses} TBLPROPERTIES ({properties})"


def _plain(name: str) -> str:
    return name.replace("`", "")


def _key_properties(columns: str) -> str:
    """`id, day TIMESERIES` as the two table properties."""
    words = [column.split() for column in _plain(columns).split(",")]
    keys = ",".join(word[0] for word in words)
    timeseries = ",".join(word[0] for word in words if word[1:] and word[1].upper() == "TIMESERIES")
    return f"'{PRIMARY_KEY}' = '{keys}', '{TIMESERIES}' = '{timeseries}'"
