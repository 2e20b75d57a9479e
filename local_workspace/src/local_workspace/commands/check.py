"""Says which rules the bundle breaks, as a linter does."""

import argparse

from local_workspace.bundle.root import find_root

HELP = "say which rules of the bundle are broken, and where; no Spark"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(arguments: argparse.Namespace) -> int:
    """Prints what is broken; returns 1 where something is."""
    from local_workspace.rules import RULES
    from local_workspace.rules.bundle_files import BundleFiles
    from local_workspace.rules.checking import broken

    sentences = broken(BundleFiles(find_root()))
    print("\n".join(sentences) or f"All {len(RULES)} rules are kept.")
    return 1 if sentences else 0
