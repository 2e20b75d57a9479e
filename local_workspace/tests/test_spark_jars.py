"""Delta's jars, which the first run fetches; without Spark."""

import zipfile
from importlib.metadata import version
from types import SimpleNamespace

import pytest
from local_workspace.compute import spark_jars
from local_workspace.errors import WorkspaceError


def make_jars(home):
    """Two jars where Ivy puts them."""
    release = version("delta-spark")
    (home / ".ivy2/jars").mkdir(parents=True)
    names = (f"io.delta_delta-spark_2.13-{release}.jar", f"io.delta_delta-storage-{release}.jar")
    for name in names:
        with zipfile.ZipFile(home / ".ivy2/jars" / name, "w") as jar:
            jar.writestr("a", "a" * 100)
    return [home / ".ivy2/jars" / name for name in names]


def test_a_jar_that_was_fetched_by_half_is_fetched_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(spark_jars.pwd, "getpwuid", lambda user: SimpleNamespace(pw_dir=str(tmp_path)))
    whole, half = make_jars(tmp_path)
    assert spark_jars.class_path()[-2:] == [whole, half]
    half.write_bytes(whole.read_bytes()[:50])
    assert spark_jars.class_path() == []
    monkeypatch.setattr(spark_jars, "FETCH_SECONDS", 0)
    with pytest.raises(WorkspaceError, match="cannot fetch"):
        spark_jars.fetch(tmp_path / "log", {})
    assert whole.exists() and not half.exists()
