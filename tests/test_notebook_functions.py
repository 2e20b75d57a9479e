"""Functions of the rendered notebooks, each run by itself in a process without Spark."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

SOURCE = Path(__file__).parent / "rendered/src/my_project_ml"


def function(notebook, name, source=SOURCE, **names):
    """A function of a notebook, which finds these names alone."""
    definitions = [part for part in ast.parse((source / notebook).read_text()).body]
    (found,) = [part for part in definitions if isinstance(part, ast.FunctionDef) and part.name == name]
    found.returns = None
    for argument in found.args.args:
        argument.annotation = None
    exec(compile(ast.Module([found], []), notebook, "exec"), names)
    return names[name]


def test_a_model_names_each_package_once_with_the_version_that_is_imported(tmp_path, monkeypatch):
    """Also where another folder, further back on the path, has it in another version."""
    for folder, name, version in (
        ("first", "numpy", "2.1.3"),
        ("second", "numpy", "1.26.4"),
        ("first", "xgboost_cpu", "3.4.1"),
    ):
        info = tmp_path / folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        )
    names = {"distribution": distribution, "PackageNotFoundError": PackageNotFoundError}
    pin = function("sales/train_revenue.py", "pin", **names)
    monkeypatch.setattr(sys, "path", [str(tmp_path / name) for name in ("first", "second")])
    assert [pin(name) for name in ("numpy", "xgboost")] == ["numpy==2.1.3", "xgboost-cpu==3.4.1"]
    with pytest.raises(PackageNotFoundError, match="pandas"):
        pin("pandas")


@pytest.mark.parametrize(
    ("former", "repeats", "codes", "is_text"),
    [
        ({}, True, None, True),
        ({}, False, None, False),
        ({"store_id": "string"}, False, None, True),  # the feature table has texts, and goes on with them
        ({"store_id": "double"}, True, None, False),
        ({"store_id": "double"}, True, ["store_id"], True),
        ({"store_id": "string"}, True, [], False),
    ],
)
def test_a_code_stays_what_the_feature_table_has_unless_its_owner_says_otherwise(
    former, repeats, codes, is_text
):
    names = {"CODES": codes, "may_be_code": lambda name, kind: codes is None or name in codes}
    names["is_repeated"] = lambda name, found: repeats
    are_codes = function("features/create_feature_tables.py", "are_codes", **names)
    assert are_codes("store_id", None, former, {}) is is_text


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *[(name, True) for name in ("store_id", "STORE_ID", "Zip", "zipcode", "postcode", "storeId", "id")],
        *[(name, False) for name in ("paid", "height", "idle", "zips", "amount")],
    ],
)
def test_a_code_is_known_by_its_columns_name(name, is_one):
    names = {"CODES": None, "re": re, "IntegralType": int, "NumericType": float}
    may_be_code = function("features/create_feature_tables.py", "may_be_code", **names)
    assert may_be_code(name, 1) is is_one


@pytest.mark.parametrize(
    ("margin", "is_right"), [("0.01", True), ("0", True), ("1%", False), ("0,01", False), ("5", False)]
)
def test_a_margin_that_is_no_number_is_refused_before_anything_is_learnt(margin, is_right):
    given = {"approval": "automatic", "features_status": "", "promotion_margin": margin}
    dbutils = SimpleNamespace(widgets=SimpleNamespace(get=lambda name: given.get(name, "x")))
    get_parameters = function(
        "sales/train_churn.py", "get_parameters", dbutils=dbutils, pd=pd, DOMAIN="sales"
    )
    if is_right:
        assert get_parameters() == ("x",) * 5
        return
    with pytest.raises(
        ValueError, match=f"^parameter promotion_margin is '{margin}'; make it a share below 1, as"
    ):
        get_parameters()


CONFLICT = RuntimeError(
    "(io.delta.exceptions.ConcurrentAppendException) [DELTA_CONCURRENT_APPEND] Files\n" * 45
)
CHANGED = RuntimeError("(io.delta.exceptions.MetadataChangedException) The metadata of the Delta table")


@pytest.mark.parametrize(
    ("raised", "tries", "ends"),
    [
        ([], 1, None),
        ([CHANGED], 2, None),
        ([CONFLICT, CONFLICT], 3, None),
        ([CONFLICT] * 9, 4, "ml.sales_features is written by another job all the time; run this after it"),
        ([ValueError("no such column")], 1, "no such column"),
    ],
    ids=["no conflict", "another adds a column", "two conflicts", "only conflicts", "another error"],
)
def test_a_feature_table_that_another_job_writes_too_is_tried_again(raised, tries, ends):
    errors, waited, written = iter(raised), [], []

    def write_table(**asked):
        written.append(asked)
        if error := next(errors, None):
            raise error

    write_features = function(
        "features/create_feature_tables.py",
        "write_features",
        FeatureEngineeringClient=lambda: SimpleNamespace(write_table=write_table),
        feature_table="ml.sales_features",
        re=re,
        time=SimpleNamespace(sleep=waited.append),
    )
    if ends:
        with pytest.raises((RuntimeError, ValueError), match=ends):
            write_features("rows")
    else:
        write_features("rows")
    assert written == [{"name": "ml.sales_features", "df": "rows", "mode": "merge"}] * tries
    assert len(waited) == tries - 1


class Registry:
    """A registry of one version, which refuses what `refused` names."""

    def __init__(self, refused=""):
        self.refused, self.done = refused, []

    def __getattr__(self, name):
        def call(*arguments, **_):
            if name == self.refused:
                raise RuntimeError(f"{name} is refused")
            self.done.append((name, *arguments))

        return call


@pytest.mark.parametrize("refused", ["set_model_version_tag", "update_model_version"])
def test_a_promotion_that_fails_leaves_the_champion_as_it_is(refused):
    registry = Registry(refused)
    promote = function(
        "sales/train_revenue.py",
        "promote",
        mlflow=SimpleNamespace(MlflowClient=lambda: registry, set_tags=lambda tags: None),
        read_aliases=lambda model: {"champion": "1"},
        judge=lambda *_: ("champion", "it is better"),
        scoring_tags=lambda model: {"model_type": "regression"},
        describe=lambda *_: "a version",
    )
    with pytest.raises(RuntimeError, match="is refused"):
        promote("dev.ml.revenue", "2", None, None, "run")
    assert "set_registered_model_alias" not in [name for name, *_ in registry.done]


def test_a_reason_that_is_cut_at_a_space_is_a_tag_that_unity_catalog_takes():
    registry = Registry()
    promote = function(
        "sales/train_revenue.py",
        "promote",
        mlflow=SimpleNamespace(MlflowClient=lambda: registry, set_tags=lambda tags: None),
        read_aliases=lambda model: {},
        judge=lambda *_: ("champion", "x" * 999 + " and more"),
        scoring_tags=lambda model: {},
        describe=lambda *_: "a version",
    )
    promote("dev.ml.revenue", "2", None, None, "run")
    tags = {call[3]: call[4] for call in registry.done if call[0] == "set_model_version_tag"}
    assert tags == {"promotion": "champion", "promotion_reason": "x" * 999}
    assert registry.done[-1] == ("set_registered_model_alias", "dev.ml.revenue", "champion", "2")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("INVALID_PARAMETER_VALUE: Registered model alias champion not found.", {}),
        ("RESOURCE_DOES_NOT_EXIST: Model 'dev.ml.revenue' does not exist", {}),
        ("PERMISSION_DENIED: no EXECUTE on dev.ml.revenue", None),
    ],
)
def test_an_alias_is_missing_only_where_the_registry_says_so(said, found):
    def get_model_version_by_alias(*_):
        raise OSError(said)

    client = SimpleNamespace(get_model_version_by_alias=get_model_version_by_alias)
    read_aliases = function(
        "sales/train_revenue.py",
        "read_aliases",
        mlflow=SimpleNamespace(MlflowClient=lambda: client),
        MlflowException=OSError,
        is_gone=function("sales/train_revenue.py", "is_gone", re=re),
    )
    if found is None:
        with pytest.raises(OSError, match="PERMISSION_DENIED"):
            read_aliases("dev.ml.revenue")
    else:
        assert read_aliases("dev.ml.revenue") == found


@pytest.mark.parametrize(
    ("refused", "read"),
    [
        ([], "version 7 of dev.gold.sales"),
        (["load_delta"], "dev.gold.sales as it is"),
        (["load_delta", "from_spark of a named table"], "rows without a source"),
    ],
)
def test_a_table_is_read_without_what_its_reader_may_not_see(refused, read):
    def refuse(what):
        if what in refused:
            raise PermissionError(f"PERMISSION_DENIED: {what}")

    def load_delta(table_name, version):
        refuse("load_delta")
        return SimpleNamespace(said=f"version {version} of {table_name}", df=SimpleNamespace(schema=None))

    def from_spark(rows, name, table_name=None):
        if table_name:
            refuse("from_spark of a named table")
        return SimpleNamespace(said=f"{table_name} as it is" if table_name else "rows without a source")

    newest = SimpleNamespace(first=lambda: SimpleNamespace(version=7))
    catalog = SimpleNamespace(tableExists=lambda _: True)
    spark = SimpleNamespace(sql=lambda _: newest, table=lambda _: "rows", catalog=catalog)
    read_table = function(
        "sales/train_revenue.py",
        "read_table",
        SparkSession=SimpleNamespace(builder=SimpleNamespace(getOrCreate=lambda: spark)),
        mlflow=SimpleNamespace(data=SimpleNamespace(load_delta=load_delta, from_spark=from_spark)),
    )
    assert read_table("dev.gold.sales").said == read


def test_a_part_of_the_time_that_is_none_is_named():
    given = {"CALENDAR": ["month", "year"], "DataFrame": None}
    with_calendar = function("features/create_feature_tables.py", "with_calendar", **given)
    with pytest.raises(ValueError, match="^CALENDAR has year; write some of month, weekday, hour, days$"):
        with_calendar(None)


def test_a_table_that_is_not_there_is_said_with_the_task_that_makes_it():
    def refuse(_):
        raise RuntimeError("[TABLE_OR_VIEW_NOT_FOUND] The table or view cannot be found. Verify the spelling")

    spark = SimpleNamespace(sql=refuse, catalog=SimpleNamespace(tableExists=lambda _: False))
    read_table = function(
        "sales/train_revenue.py",
        "read_table",
        SparkSession=SimpleNamespace(builder=SimpleNamespace(getOrCreate=lambda: spark)),
        DOMAIN="sales",
    )
    with pytest.raises(
        ValueError, match="^there is no table dev.ml.sales_features; run the task features_sales first$"
    ):
        read_table("dev.ml.sales_features")
    with pytest.raises(
        ValueError, match="^there is no table dev.gold.sales; make it, or correct gold_schema$"
    ):
        read_table("dev.gold.sales")


def test_workers_are_counted_once_though_one_may_join_later(bake):
    """A second number of them would be a parameter with a second value, which MLflow refuses."""
    source = bake(models="sales/price:regression:spark_xgboost") / "src/my_project_ml"
    learners = []

    class Learner(SimpleNamespace):
        def fit(self, rows):
            learners.append(self.num_workers)
            booster = SimpleNamespace(feature_names=None, save_raw=lambda: b"")
            return SimpleNamespace(get_booster=lambda: booster)

    columns = SimpleNamespace(fit=lambda features: columns, feature_names_in_=["age"])
    trees = SimpleNamespace(feature_types=["q"], get_params=dict, load_model=lambda raw: None)
    model = {"encode": columns, "model": trees}
    made = SimpleNamespace(set_params=lambda **settings: model)
    fit_on_spark = function(
        "sales/train_price.py",
        "fit_on_spark",
        source,
        new_model=lambda features: made,
        SparkXGBRegressor=Learner,
        SET_BY_SPARK=(),
        LABEL="price",
        Iterator=Iterator,
        pd=SimpleNamespace(DataFrame=object),
    )
    rows = SimpleNamespace(mapInPandas=lambda *_: "rows")  # of which none tells how many cores there are
    train = SimpleNamespace(examples=SimpleNamespace(drop=lambda columns: None), workers=3)
    for _ in range(2):
        fit_on_spark(rows, train, {})
    assert learners == [3, 3]


def test_a_champion_whose_feature_is_lost_says_to_train_first():
    """The client's own sentence does not say what to do."""

    def score():
        raise ValueError(
            "Unable to find feature 'b' from feature table 'ml.sales_features' in Feature Catalog."
        )

    tree = ast.parse((SOURCE / "inference/score_model.py").read_text())
    (last,) = [part for part in tree.body if isinstance(part, ast.Try)]
    names = {"score": score, "Skipped": KeyError, "feature_table": "ml.sales_features"}
    names["traceback"] = SimpleNamespace(print_exc=lambda: None)
    exec(compile(ast.Module([last], []), "score_model.py", "exec"), names)
    assert names["status"].startswith(
        "FAILED: train first, as ml.sales_features has lost a feature of the ch"
    )
