"""Where the bundle is that a command is called in."""

from pathlib import Path

from local_workspace.errors import BundleError

FILE = "databricks.yml"


def find_root() -> Path:
    """The folder of the nearest databricks.yml, in the current folder or above, as git finds a repository."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder
    raise BundleError(f"{here}: there is no {FILE} here or in a folder above; call this in a bundle's folder")
