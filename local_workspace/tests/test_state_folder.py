"""The folder of the state: what keeps it from use is said without loss, and no two bundles have the same."""

import errno
import fcntl
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import belonging, state

NAME = ".local_workspace"


@pytest.mark.parametrize("number", [*state.REMEDIES, errno.EIO, errno.ENAMETOOLONG])
def test_nothing_is_to_be_removed_where_a_disk_does_not_let_us(tmp_path, monkeypatch, number):
    def fail(path, *_, **__):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(WorkspaceError) as refused:
        state.lock(tmp_path / NAME)
    said = str(refused.value)
    assert said.startswith(
        f"{tmp_path / NAME} cannot be used, {tmp_path / NAME}/logs: {os.strerror(number)}; "
    )
    assert "; remove" not in said


def test_only_a_file_in_the_way_is_to_be_removed(tmp_path):
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "logs").touch()
    with pytest.raises(WorkspaceError, match=f"as {tmp_path}/{NAME}/logs is a file; remove that file$"):
        state.lock(tmp_path / NAME)


@pytest.mark.parametrize("made_anew", [True, False])
def test_who_waits_while_a_reset_ends_gets_the_lock_that_is_there(tmp_path, made_anew):
    folder = tmp_path / NAME
    first = state.lock(folder)

    def end():
        time.sleep(0.3)
        shutil.move(folder, tmp_path / "removed")
        if made_anew:
            folder.mkdir()
            (folder / "lock").touch()
        first.close()

    threading.Thread(target=end).start()
    with state.lock(folder) as second:
        assert os.path.samestat(os.fstat(second.fileno()), (folder / "lock").stat())
        with open(folder / "lock") as third, pytest.raises(BlockingIOError):
            fcntl.flock(third, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_said(tmp_path, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(WorkspaceError, match=rf"disk has no locks \({os.strerror(number)}\); make it a"):
        state.lock(tmp_path / NAME)


@pytest.fixture
def linked(tmp_path):
    """A bundle whose state is on a larger disk, after its first run."""
    (tmp_path / "disk/warehouse").mkdir(parents=True)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / NAME).symlink_to(tmp_path / "disk")
    belonging.make_own(tmp_path / "bundle" / NAME, tmp_path)
    return tmp_path / "bundle"


def test_a_state_may_be_a_link_and_its_bundle_may_move(linked, tmp_path):
    assert belonging.make_own(linked / NAME, tmp_path) == ""
    moved = linked.rename(tmp_path / "moved")
    assert f"moved or copied from {linked / NAME}; " in belonging.make_own(moved / NAME, tmp_path)


@pytest.mark.parametrize("use", [lambda root: belonging.make_own(root / NAME, root), state.reset])
def test_a_copy_that_has_the_originals_state_by_a_link_is_refused(linked, tmp_path, use):
    copy = shutil.copytree(linked, tmp_path / "copy", symlinks=True)
    with pytest.raises(WorkspaceError, match=f"^{copy / NAME} is the state of {linked} too, by a link; give"):
        use(copy)
    assert (tmp_path / "disk/warehouse").exists()


def test_a_reset_of_a_link_empties_the_folder_and_keeps_the_link(linked, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "disk/link").symlink_to(tmp_path / "kept")
    state.reset(linked)
    assert (linked / NAME).is_symlink()
    assert list((tmp_path / "disk").iterdir()) == []
    assert (tmp_path / "kept").exists()


def test_a_reset_that_is_killed_leaves_no_half_of_a_state(tmp_path, monkeypatch):
    folder = tmp_path / NAME
    for name in ("warehouse", "models", "logs"):
        (folder / name).mkdir(parents=True)
    (folder / "mlflow.db").touch()

    def kill(path):
        assert {each.name for each in folder.iterdir()} == {"lock", path.name}
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(state.shutil, "rmtree", lambda path, **_: path.exists() and kill(path))
        state.reset(tmp_path)
    with state.lock(folder):
        assert {each.name for each in folder.iterdir()} == {"lock", "logs"}  # as of a new one


def test_a_reset_does_not_remove_a_link_to_a_disk_that_is_not_there(linked, tmp_path):
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    with pytest.raises(WorkspaceError, match="which is not there; mount its disk, or correct the link"):
        state.reset(linked)
    assert (linked / NAME).is_symlink()


def test_the_link_of_a_bundle_that_is_gone_goes_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folders = [tmp_path / name / NAME for name in ("a b", "c d", "e f")]
    for folder in folders:
        folder.mkdir(parents=True)
    gone, stays, own = (state.mlflow_folder(folder) for folder in folders)
    folders[0].rmdir()
    assert state.mlflow_folder(folders[2]) == own
    assert {path.name for path in own.parent.iterdir()} == {stays.name, own.name} != {gone.name}
