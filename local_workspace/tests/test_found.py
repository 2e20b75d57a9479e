"""The workspace of `up` is asked only where it is this user's own, and need not answer; without Spark."""

import sys
import tempfile
import threading
from multiprocessing.connection import Listener
from pathlib import Path
from types import SimpleNamespace

import pytest
from local_workspace.errors import WorkspaceError
from local_workspace.workspace import found, opening


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(found, "SECONDS", 0.3)
    monkeypatch.setattr(found, "START_SECONDS", 0.3)
    (tmp_path / ".local_workspace").mkdir()
    return tmp_path


@pytest.fixture
def up(root):
    """It listens in a folder of this user alone, and says nothing."""
    with tempfile.TemporaryDirectory() as folder, Listener(f"{folder}/up", "AF_UNIX") as listener:
        (root / ".local_workspace/up").symlink_to(listener.address)
        yield listener


def answer(listener, root):
    with listener.accept() as connection:
        connection.recv()
        connection.send((root, found.version_of(root), {}, "sc://"))
        connection.poll(60)


def test_the_workspace_of_up_is_found(root, up):
    threading.Thread(target=answer, args=(up, root), daemon=True).start()
    with found.find(root) as workspace:
        assert workspace.connection() == ({}, "sc://")


@pytest.mark.parametrize("mode", [0o777, 0o750, 0o701])
def test_what_listens_in_a_folder_of_others_is_not_asked(root, up, monkeypatch, mode):
    asked = []
    monkeypatch.setattr(found, "Client", lambda *address: asked.append(address))
    Path(up.address).parent.chmod(mode)
    assert found.find(root) is None
    assert asked == []


def test_an_up_that_is_stopped_is_said_in_a_sentence(root, up):
    with pytest.raises(WorkspaceError, match="^`up` does not answer; it may be stopped, .* `fg` in its term"):
        found.find(root)


def test_an_up_that_is_stopped_before_a_task_starts_is_said_in_a_sentence(root, up):
    threading.Thread(target=answer, args=(up, root), daemon=True).start()
    with found.find(root) as workspace, pytest.raises(WorkspaceError, match="^`up` does not answer; "):
        workspace.start(print)


def test_an_up_that_ended_before_a_task_starts_is_said_in_a_sentence(root, up):
    threading.Thread(target=answer, args=(up, root), daemon=True).start()
    with found.find(root) as workspace:
        up.close()
        with pytest.raises(WorkspaceError, match="^`up` has ended, and this with it; start it anew"):
            workspace.start(print)


def test_the_link_of_an_up_that_was_killed_goes_when_a_workspace_starts(root, monkeypatch):
    link = root / ".local_workspace/up"
    link.symlink_to("/tmp/local_workspace-gone/up")

    class Workspace:
        notice, state = "", link.parent

        def __init__(self, root):
            assert link.is_symlink()  # it is removed by who has the lock

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(opening, "Workspace", Workspace)
    monkeypatch.setattr(opening, "machine", SimpleNamespace(check=lambda: None))
    with opening.open_workspace(root, sys.stdout):
        assert not link.is_symlink()
