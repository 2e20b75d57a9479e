"""Imports a sample of a gold table of the workspace."""

import argparse

from local_workspace.bundle.root import find_root
from local_workspace.options import number

MOST_ROWS = 1_000_000_000
HELP = "import a sample of a gold table of your workspace"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("domain", help="a domain of this bundle, which names the table")
    rows = "about how many rows (default: 10000)"
    parser.add_argument("--target", default="dev", help="whose gold table it is (default: dev)")
    parser.add_argument("--rows", type=number(int, 1, MOST_ROWS), default=10_000, help=rows)
    parser.add_argument("--profile", help="your profile in ~/.databrickscfg")
    parser.add_argument("--warehouse", help="the ID of the SQL warehouse that reads the table")
    hashed = "columns that must not be readable here, such as a key that is a name"
    parser.add_argument("--hash", nargs="+", action="extend", default=[], metavar="COLUMN", help=hashed)
    also = "columns that your feature code uses besides"
    parser.add_argument("--also", nargs="+", action="extend", default=[], metavar="COLUMN", help=also)
    parser.add_argument("--replace", action="store_true", help="replace the table if it exists")


def run(arguments: argparse.Namespace) -> int:
    from local_workspace.own_tables.sample import sample

    return sample(find_root(), arguments)
