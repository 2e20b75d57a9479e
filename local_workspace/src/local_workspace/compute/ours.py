"""Whether a folder is this user's alone: who else could write there might plant what this user then runs."""

import os
import stat
from pathlib import Path


def is_ours(folder: Path, theirs: int = 0o022) -> bool:
    """No link, nobody else's, and without what is `theirs`, the rights of others; if not said, to write."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & theirs
