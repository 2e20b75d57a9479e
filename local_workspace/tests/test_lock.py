"""`lock` writes what uv resolves for the environment below the pins, and uv.lock with it."""

import os
import stat
from pathlib import Path

import pytest
from local_workspace.commands import lock
from local_workspace.errors import BundleError
from rendered import ENVIRONMENT, copy_rendered

# Stands for uv: `lock` notes how it is asked; `pip compile` keeps what fits, as RESOLVED says.
UV = """\
#!/usr/bin/env python3
import os, re, sys
from pathlib import Path

if sys.argv[1] == "lock":
    with open("asked.txt", "a") as file:
        print(*sys.argv[2:], file=file)
    sys.exit(os.environ.get("REFUSED") if len(sys.argv) > 3 else 0)
kept = Path("kept.in").read_text()
if "protobuf==5.29.4" in kept:
    sys.exit("protobuf: no versions go together")
h11 = "0.14.0" if "h11==0.14.0" in kept else "0.16.0"
pins = Path("pins.in").read_text()
others = f"h11=={h11}\\nprotobuf==6.33.6\\nblinker==1.9.0\\nrequests==2.32.3\\nscipy==1.15.1\\n"
Path("chosen.txt").write_text(f"{pins}\\n{others}")
"""


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A bundle, and a uv that resolves five packages."""
    root = copy_rendered(tmp_path / "bundle")
    uv = tmp_path / "uv"
    uv.write_text(UV)
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("UV", str(uv))
    monkeypatch.chdir(root)
    return root


def locked(bundle: Path) -> list[str]:
    lines = (bundle / ENVIRONMENT).read_text("utf-8").partition(lock.MARK)[2].splitlines()
    return [line.removeprefix("      - ") for line in lines if line.startswith("      - ")]


def run(*options):
    import argparse

    parser = argparse.ArgumentParser()
    lock.add_arguments(parser)
    return lock.run(parser.parse_args(options))


def test_what_the_environment_lacks_or_has_in_another_version_is_locked(bundle, capsys):
    """h11 can stay as it is in the environment, so it does; requests is there; protobuf has to move.

    Laptops get scipy as the environment has it.
    """
    before = (bundle / ENVIRONMENT).read_text("utf-8")
    assert run() == 0
    assert locked(bundle) == ["blinker==1.9.0", "protobuf==6.33.6"]
    after = (bundle / ENVIRONMENT).read_text("utf-8")
    assert after.partition(lock.MARK)[0] == before.partition(lock.MARK)[0]
    said = capsys.readouterr().out
    assert "Of the environment's own, 1 move: protobuf 5.29.4 to 6.33.6." in said
    asked = (bundle / "asked.txt").read_text().split()
    versions = ["blinker==1.9.0", "protobuf==6.33.6", "scipy==1.15.1"]
    assert asked == ["--quiet", "--quiet", *(f"--upgrade-package={each}" for each in versions)]


def test_a_second_time_changes_nothing(bundle):
    run()
    first = (bundle / ENVIRONMENT).read_bytes()
    run("--upgrade")
    assert (bundle / ENVIRONMENT).read_bytes() == first


def test_nothing_is_changed_where_uv_refuses(bundle, monkeypatch):
    monkeypatch.setenv("REFUSED", "no versions go together")
    files = [bundle / ENVIRONMENT, bundle / "uv.lock"]
    before = [file.read_bytes() for file in files]
    with pytest.raises(
        BundleError, match="lock: uv finds no versions that go together, or no index:\nno vers"
    ):
        run()
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (ENVIRONMENT, lock.MARK, "# Others", "no list of packages in resources/ has a line that begins with"),
        (
            ENVIRONMENT,
            'default: "4"',
            'default: "3"',
            "the jobs have environment_version 3; give all of them",
        ),
    ],
)
def test_what_cannot_be_locked_is_said(bundle, file, old, new, sentence):
    path = bundle / file
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(BundleError, match=sentence):
        run()


def test_what_its_owner_saves_meanwhile_is_kept(bundle, monkeypatch):
    file = bundle / ENVIRONMENT
    resolve = lock.resolve

    def resolve_while_its_owner_edits(*given):
        file.write_text(f"{file.read_text('utf-8')}# mine\n", "utf-8")
        return resolve(*given)

    monkeypatch.setattr(lock, "resolve", resolve_while_its_owner_edits)
    with pytest.raises(BundleError, match=f"^lock: {file} was changed meanwhile, and is left as it is; run"):
        run()
    assert file.read_text("utf-8").endswith("# mine\n")


def test_a_disk_that_is_full_leaves_the_file_as_it_was(bundle, monkeypatch):
    file = bundle / ENVIRONMENT
    before, write = file.read_text("utf-8"), Path.write_text

    def write_a_part(path, text, encoding=None):
        write(path, text[:10], encoding)
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", write_a_part)
    with pytest.raises(OSError, match="No space left"):
        lock._replace(file, "new")
    assert file.read_text("utf-8") == before
    assert list(file.parent.glob("*.part")) == []


def test_a_pin_that_is_no_version_is_named():
    with pytest.raises(
        BundleError, match=r"^lock: numpy==2\.\* is no exact version; pin one, as numpy==1.2.3"
    ):
        lock._versions(["numpy==2.*"])


def test_without_uv_the_remedy_is_said(bundle, monkeypatch):
    monkeypatch.delenv("UV")
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(BundleError, match="there is no uv on the PATH; install it"):
        run()
