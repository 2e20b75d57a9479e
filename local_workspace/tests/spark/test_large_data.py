"""Sessions have Spark's settings for large data once a table is large."""

from local_workspace.compute import spark_settings

ASK = """
    names = {names}
    return [spark.conf.get(name) for name in names] + [spark.range(1000).groupBy("id").count().count()]
"""


def test_a_large_table_gives_later_sessions_their_settings(local_bundle):
    names = list(spark_settings.LARGE_DATA)
    ask = ASK.format(names=names)
    assert local_bundle.ask(ask) == [*(spark_settings.SMALL_DATA[name] for name in names), 1000]
    table = local_bundle.state / "warehouse/large.db/table"
    table.mkdir(parents=True)
    with open(table / "part-0.parquet", "wb") as file:
        file.truncate(spark_settings.LARGE_BYTES + 1)
    try:
        assert local_bundle.ask(ask) == [*spark_settings.LARGE_DATA.values(), 1000]
    finally:
        (table / "part-0.parquet").unlink()
        table.rmdir()
        table.parent.rmdir()


def test_a_file_and_a_folder_are_large_by_their_bytes(tmp_path):
    (tmp_path / "day=1").mkdir()
    for name in ("a.parquet", "day=1/b.parquet"):
        (tmp_path / name).write_bytes(b"x" * (spark_settings.LARGE_BYTES // 2 + 1))
    assert spark_settings.is_large(tmp_path)
    assert not spark_settings.is_large(tmp_path / "a.parquet")
