"""Shows how local_workspace works, what differs from Databricks, and which rules it knows."""

import argparse
from importlib.metadata import version
from importlib.resources import files

HELP = "show how this works, what differs from Databricks, and which rules there are"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(arguments: argparse.Namespace) -> int:
    """A pager shows it, where there is a terminal."""
    import pydoc

    text = files("local_workspace").joinpath("README.md").read_text(encoding="utf-8")
    pydoc.pager(f"local-workspace {version('local-workspace')}\n\n{text}")
    return 0
