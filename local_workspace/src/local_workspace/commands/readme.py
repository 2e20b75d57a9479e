"""Shows how local_workspace works, what differs from Databricks, and which rules it knows."""

import argparse
from importlib.metadata import metadata

HELP = "show how this works, what differs from Databricks, and which rules there are"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(arguments: argparse.Namespace) -> int:
    """A pager shows it, where there is a terminal."""
    import pydoc

    package = metadata("local-workspace")
    pydoc.pager(f"local-workspace {package['Version']}\n\n{package.json['description']}")
    return 0
