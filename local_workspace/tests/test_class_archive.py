"""The archive of Spark's classes: made once, used when it is there, left out when it cannot be."""

import fcntl
import os
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from local_workspace.compute import class_archive, spark_server
from local_workspace.compute.class_archive import ClassArchive
from local_workspace.compute.java import java, require_java

PYSPARK = Path(find_spec("pyspark").origin).parent


@pytest.fixture
def archive_of(tmp_path, monkeypatch):
    """An archive of one jar, by options; in a home of its own, where a few classes are enough."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("CI", "TF_BUILD", "JAVA_TOOL_OPTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(class_archive, "WHOLE", 1)
    jars = sorted(PYSPARK.glob("jars/scala-library-*.jar"))
    return lambda *options: ClassArchive(java(), require_java(), options, jars, tmp_path / "listed")


def found(home: Path, name: str) -> Path:
    deadline = time.monotonic() + 120
    while not (files := list(home.glob(f"home/.cache/local_workspace/*/{name}"))):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return files[0]


def runs(archive: ClassArchive, *more: str) -> bool:
    return subprocess.run([*archive.command(), *more, "-version"], capture_output=True).returncode == 0


def test_the_first_run_makes_it_and_the_next_uses_it(archive_of, tmp_path, monkeypatch):
    archive = archive_of("-Xmx200m")
    assert runs(archive) and (tmp_path / "listed").exists()
    for _ in range(3):  # as three runs do that end together
        archive.make()
    made = found(tmp_path, "classes.jsa")
    assert f"-XX:SharedArchiveFile={made}" in archive.command()
    assert runs(archive, "-Xshare:on")  # fails if the archive does not fit
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dx=1 -agentlib:jdwp=transport=dt_socket")
    assert not any("Shared" in part or "Dump" in part for part in archive.command())
    begun = []
    monkeypatch.setattr(class_archive.subprocess, "Popen", lambda *args, **options: begun.append(args))
    archive.make()  # as a run does that began before it was there
    assert begun == []


def test_a_run_in_ci_makes_none(archive_of, tmp_path, monkeypatch):
    (tmp_path / "listed").write_text("java/lang/Object\njava/lang/String\n")
    monkeypatch.setenv("CI", "true")
    archive_of().make()
    assert not (tmp_path / "home").exists()


def test_what_java_refuses_is_not_tried_again(archive_of, tmp_path, monkeypatch):
    (tmp_path / "listed").write_text("java/lang/Object\njava/lang/String\n")
    archive = archive_of("-XX:+NoSuchOption")
    archive.make()
    refused = found(tmp_path, "refused.txt")
    with open(refused.with_name("lock")) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the maker has ended
    assert "NoSuchOption" in refused.read_text()
    begun = []
    monkeypatch.setattr(class_archive.subprocess, "Popen", lambda *args, **options: begun.append(args))
    archive.make()
    assert begun == []
    refused.unlink()
    archive.make()
    assert len(begun) == 1


@pytest.mark.parametrize("level", ["..", "."])
def test_an_archive_that_others_can_write_to_is_not_used_and_made_anew(
    archive_of, tmp_path, monkeypatch, level
):
    (tmp_path / "listed").write_text("java/lang/Object\njava/lang/String\n")
    archive, begun = archive_of(), []
    monkeypatch.setattr(class_archive.subprocess, "Popen", lambda *args, **options: begun.append(args))
    mask = os.umask(0o002)
    archive.make()
    os.umask(mask)
    (folder,) = tmp_path.glob("home/.cache/local_workspace/*")
    assert folder.stat().st_mode & 0o077 == folder.parent.stat().st_mode & 0o077 == 0
    for name in ("classes.jsa", *(jar.name for jar in archive._jars)):
        (folder / name).touch()
    assert str(folder) in " ".join(archive.command())
    (folder / level).resolve().chmod(0o775)
    assert str(folder) not in " ".join(archive.command())
    archive.make()
    assert list(folder.iterdir()) == [] and len(begun) == 2


def test_an_archive_of_another_user_is_not_used(archive_of, tmp_path, monkeypatch):
    (tmp_path / "listed").write_text("java/lang/Object\njava/lang/String\n")
    archive, begun = archive_of(), []
    monkeypatch.setattr(class_archive.subprocess, "Popen", lambda *args, **options: begun.append(args))
    archive.make()
    (folder,) = tmp_path.glob("home/.cache/local_workspace/*")
    for name in ("classes.jsa", *(jar.name for jar in archive._jars)):
        (folder / name).touch()
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert str(folder) not in " ".join(archive.command())
    archive.make()
    assert len(begun) == 1


def test_spark_gets_the_options_that_its_launcher_gives():
    launcher = [java(), "-cp", f"{PYSPARK}/jars/*", "org.apache.spark.launcher.Main"]
    submit = ["org.apache.spark.deploy.SparkSubmit", "--class", "X", "spark-internal"]
    environment = os.environ | {"SPARK_HOME": str(PYSPARK), "SPARK_SCALA_VERSION": "2.13"}
    printed = subprocess.run([*launcher, *submit], env=environment, capture_output=True, text=True).stdout
    given = [part for part in printed.split("\0") if part.startswith(("--add", "-XX", "-D"))]
    assert given and set(given) <= set(spark_server.MODULES)
