"""Makes files the gold table of a domain."""

import argparse
from pathlib import Path

from local_workspace.bundle.root import find_root

HELP = "make files the gold table of a domain"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("domain", help="a domain of this bundle, which names the table")
    parser.add_argument("file", nargs="+", type=Path, help="CSV, JSON, Parquet, a folder of them, or Delta")
    parser.add_argument("--replace", action="store_true", help="replace the table if it exists")


def run(arguments: argparse.Namespace) -> int:
    from local_workspace.own_tables.import_table import import_table

    return import_table(find_root(), arguments.domain, arguments.file, arguments.replace)
