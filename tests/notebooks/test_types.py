"""Keys, times and labels are judged when features are made: each by a table that has a fault of that kind.

`import` runs the same task and prints what it says, as test_own_data.py shows.
"""

import ast
import re

import pytest
from own_tables import OwnTables, log, status

COLUMNS = {
    "key": "id",
    "x": "id % 10",
    "amount": "1D * id",
    "grade": "IF(id % 2 = 0, 'yes', 'no')",
    "observed_at": "TIMESTAMP '2024-01-01' + make_interval(0, 0, 0, 0, id)",
}
REFUSED = {  # what is said, as a pattern -> the columns that differ
    r"the key \w+ is decimal\(38,0\); make it a whole number": {"key": "CAST(id AS DECIMAL(38, 0))"},
    r"the key \w+ is double; make it a whole number as bigint, a text or a date": {"key": "1D * id"},
    r"the key \w+ is timestamp; .* as by CAST\(\w+_id AS STRING\)": {"key": "timestamp_seconds(id)"},
    r"the key \w+ is boolean; make it a whole number": {"key": "id > 5"},
    r"the key \w+ is binary; make it a whole number": {"key": "CAST(STRING(id) AS BINARY)"},
    r"the key \w+ is struct<a:bigint>; make it a whole number": {"key": "named_struct('a', id)"},
    r"observed_at 9999-12-31 00:00:00 \(timestamp\) is no time .*; make it NULL": {
        "observed_at": "IF(id = 7, TIMESTAMP '9999-12-31', TIMESTAMP '2024-01-01')"
    },
    r"observed_at 9999-12-31 \(date\) is no time": {"observed_at": "DATE '9999-12-31'"},
    r"observed_at \d{13} \(bigint\) is no time .* as by timestamp_millis\(observed_at\)": {
        "observed_at": "1704067200000 + id"
    },
    r"observed_at 20240131 \(bigint\) is no time": {"observed_at": "BIGINT(20240131)"},
    r"observed_at \d{16} \(bigint\) is no time": {"observed_at": "1704067200000000 + id"},
    r"observed_at 1704067200 \(string\) is no time .*; write it as 2024-12-31": {
        "observed_at": "'1704067200'"
    },
    r"observed_at 20240131 \(string\) is no time": {"observed_at": "'20240131'"},
    r"observed_at 2999-12-31 00:00:00 \(timestamp\) is no time": {"observed_at": "TIMESTAMP '2999-12-31'"},
    r"observed_at 0001-01-01 \(date\) is no time": {"observed_at": "IF(id = 7, DATE '0001-01-01', NULL)"},
    r"observed_at 31\.12\.2024 \(string\) is no time .*; write it as 2024-12-31": {
        "observed_at": "IF(id = 7, '31.12.2024', NULL)"
    },
    r"observed_at 12:30 \(string\) is no time": {"observed_at": "'12:30'"},
    r"observed_at true \(boolean\) is no time": {"observed_at": "true"},
    r"has no column amount \(but AMOUNT\); correct it": {"amount": None, "AMOUNT": "1D * id"},
    r"no feature can be named _held_out, because a notebook makes": {"_held_out": "id % 3"},
    r"no feature can be named _last, because a notebook makes": {"_last": "id % 3"},
}
SAID = {  # the same, of tables that become features nevertheless
    r"label amount is NULL in all rows, so no model learns it": {"amount": "CAST(NULL AS DOUBLE)"},
    r"label amount is text, as 'n/a', and a regression needs a number; cast it": {
        "amount": "IF(id = 7, 'n/a', '1.5')"
    },
    r"label grade is date; make it a number, a text or a boolean": {"grade": "DATE '2024-01-01'"},
    r"label grade has the values '', 'no', 'yes'; make the empty text NULL, or write into POSITIVE": {
        "grade": "CASE id % 3 WHEN 0 THEN 'yes' WHEN 1 THEN ' No' ELSE '' END"
    },
    r"label grade has the values 'churned', 'stayed'; write into POSITIVE which are positive": {
        "grade": "IF(id % 2 = 0, 'churned', 'stayed')"
    },
    r"label grade has the values 0\.0, 1\.0, 2\.0; write into POSITIVE .*, or make the model's type multi": {
        "grade": "id % 3"
    },
    r"left out: observed_at \(in NOT_FEATURES\), y \(no values\)": {"y": "CAST(NULL AS DOUBLE)"},
    r"left out: observed_at \(in NOT_FEATURES\), seen \(times as text; cast it to a timestamp\)": {
        "seen": "string(DATE '2024-01-01' + INT(id)) COLLATE UNICODE_CI"
    },
    r"codes, taken as text: store_id, zip, movieId": {
        "store_id": "id % 6",
        "zip": "INT(12345 + id % 3)",
        "movieId": "id % 4",
        "order_id": "id",  # of one row each
        "paid": "id % 2",  # which only ends like id
    },
    r"5 features: x, town, seen_at_month, seen_at_weekday, seen_at_hour": {
        "town": "concat('town ', id % 6)",
        "seen_at": "timestamp_seconds(3600 * id)",
        "seen_at_days": "CAST(NULL AS DOUBLE)",  # of the owner's own
    },
}
FINE = {  # the columns that differ, of which no label or time is complained of
    "no time in any row": {"observed_at": "CAST(NULL AS TIMESTAMP)"},
    "seconds as a double, of which one is missing": {"observed_at": "IF(id = 7, NULL, 1704067200D + id)"},
    "yes and no": {},
    "numbers, of which one is none": {"grade": "IF(id = 7, double('NaN'), id % 2)"},
    "truths": {"grade": "id % 2 = 0"},
    "texts, of which ml_labels.yml says the positive one": {"grade": "IF(id % 2 = 0, 'churned', 'stayed')"},
    "keys and times of other types": {
        "key": "date_add(DATE '2024-01-01', INT(id))",
        "observed_at": "DATE '2024-01-01'",
    },
    "times as text, and seconds": {"observed_at": "'2024-01-31T10:00:00Z'", "key": "INT(id)"},
    "seconds": {"observed_at": "1704067200 + id", "key": "STRING(id)"},
    "texts and times with a collation": {
        "observed_at": "'2024-01-31T10:00:00Z' COLLATE UNICODE_CI",
        "town": "concat('Town ', id % 6) COLLATE UNICODE_CI",
    },
}


@pytest.fixture(scope="module")
def judged(local_bundle):
    """Each table's features, made in one job."""
    tables = OwnTables(local_bundle, "types")
    cases = [*REFUSED.values(), *SAID.values(), *FINE.values()]
    made = [
        ", ".join(
            f"{sql} AS {f'd{number}_id' if name == 'key' else name}"
            for name, sql in (COLUMNS | case).items()
            if sql is not None
        )
        for number, case in enumerate(cases)
    ]
    tables.ask(f"""
        spark.sql(f"CREATE SCHEMA {{gold}}")
        spark.sql(f"CREATE SCHEMA {{features}}")
        for number, columns in enumerate({made!r}):
            spark.sql(f"CREATE VIEW {{gold}}.d{{number}} AS SELECT {{columns}} FROM range(60)")
        return None
    """)
    says = len(REFUSED) + len(SAID) + list(FINE).index("texts, of which ml_labels.yml says the positive one")
    labels = [
        f"amount:regression, grade:classification{':churned/stayed' * (n == says)}" for n in range(len(cases))
    ]
    tasks = [tables.make_features(f"d{n}", f"d{n}", labels[n]) for n in range(len(cases))]
    return tables.run("types", *tasks)


@pytest.mark.parametrize("sentence", REFUSED)
def test_a_column_that_no_training_can_use_is_refused_by_name_value_and_remedy(judged, sentence):
    said = status(judged, f"d{list(REFUSED).index(sentence)}")
    assert re.match(f"FAILED: \\S+ {sentence}|FAILED: \\S+: {sentence}", said), said


@pytest.mark.parametrize("sentence", SAID)
def test_a_label_that_its_model_cannot_learn_is_said_and_stops_no_other(judged, sentence):
    key = f"d{len(REFUSED) + list(SAID).index(sentence)}"
    assert status(judged, key) == "SUCCESS"
    assert re.search(f"^{sentence}", log(judged, key), re.MULTILINE), log(judged, key)


@pytest.mark.parametrize("what", FINE)
def test_of_what_is_right_nothing_is_said(judged, what):
    key = f"d{len(REFUSED) + len(SAID) + list(FINE).index(what)}"
    assert status(judged, key) == "SUCCESS"
    assert "label" not in log(judged, key)


def functions(local_bundle, notebook: str, *names: str) -> str:
    """Functions of a notebook, as text."""
    (path,) = local_bundle.root.glob(notebook)
    parts = [part for part in ast.parse(path.read_text()).body if getattr(part, "name", "") in names]
    assert len(parts) == len(names)
    return "\n".join(map(ast.unparse, parts))


GIVEN = """
    from datetime import datetime, timedelta
    import pandas as pd
    from pyspark.sql import Column, DataFrame, functions as F
    from pyspark.sql.types import StringType
    names = dict(globals() | locals(), LABEL="grade", POSITIVE=None, window_days="1", as_of="")
"""


def test_a_window_of_one_day_has_the_rows_of_the_newest_date(local_bundle):
    code = functions(local_bundle, "src/*/monitoring/monitor_model.py", "choose_windows")
    assert OwnTables(local_bundle, "windows").ask(f"""{GIVEN}
    exec({code!r}, names)
    rows = spark.range(9).selectExpr("timestamp(date_add(DATE '2025-01-01', INT(id))) AS observed_at")
    rows = rows.selectExpr("*", "IF(observed_at < '2025-01-05', 1, NULL) AS _label", "true AS _new")
    rows, begin, end = names["choose_windows"](rows, True)
    now, live = (rows.where(which).selectExpr("string(observed_at)").collect() for which in ("_now", "_live"))
    return [now, live, str(begin), str(end)]
    """) == [
        [["2025-01-09 00:00:00"]],
        [["2025-01-04 00:00:00"]],
        "2025-01-09 00:00:00",
        "2025-01-10 00:00:00",
    ]


def test_a_label_with_a_collation_is_a_text_to_training_and_to_monitoring(local_bundle):
    train = functions(
        local_bundle,
        "src/*/*/train_churn.py",
        "label_value",
        "named_positive",
        "positive_values",
        "binary_label",
    )
    monitor = functions(local_bundle, "src/*/monitoring/monitor_model.py", "column", "label_of")
    assert OwnTables(local_bundle, "collated").ask(f"""{GIVEN}
    exec({train!r}, names)
    exec({monitor!r}, names)
    gold = spark.sql("SELECT IF(id = 0, 'Yes', ' no') COLLATE UTF8_LCASE AS grade FROM range(3)")
    positive = names["positive_values"](gold)
    later = names["label_of"](gold, {{"label": "grade", "positive": positive}})
    return [positive, gold.select(names["binary_label"](gold), later).collect()]
    """) == [["yes"], [[1, 1], [0, 0], [0, 0]]]
