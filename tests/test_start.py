"""The README's commands find what they need on a new machine."""

import os
import subprocess
import sys

from start import search_path

NAME = f"python3.{sys.version_info.minor}"


def test_a_python_that_only_pyenv_has_is_found(tmp_path, monkeypatch):
    """On the PATH is pyenv's own command, which starts the chosen version and no other."""
    shims, version = tmp_path / "shims", tmp_path / "pyenv/versions/3.x/bin"
    for folder in (shims, version):
        folder.mkdir(parents=True)
    (shims / NAME).write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    (shims / NAME).chmod(0o755)
    (version / NAME).symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("PATH", str(shims))
    command = [sys.executable, "-m", "uv", "python", "find", "--system", "--no-managed-python", NAME]

    def found(path):
        environment = {"PATH": path, "HOME": str(tmp_path)}
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True).stdout

    assert not found(str(shims))
    assert found(search_path()).strip() == str(version / NAME)
