"""What Python finds: on Databricks a notebook imports nothing of its bundle, so here neither."""

import sys
from pathlib import Path


def leave_bundle(root: Path) -> None:
    """Takes the bundle's folders off the path of this process; the packages of its .venv stay."""
    bundle, packages = root.resolve(), Path(sys.prefix).resolve()

    def stays(entry: str) -> bool:
        folder = Path(entry).resolve()
        return folder.is_relative_to(packages) or not folder.is_relative_to(bundle)

    sys.path[:] = [entry for entry in sys.path if entry and stays(entry)]
