"""Says which rules the bundle breaks, as a linter does: without Spark, in its files alone.

Stands for `databricks bundle validate`, which passes most of what the rules refuse.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from local_workspace.bundle_files import BundleFiles
from local_workspace.rules import RULES


def broken(bundle: BundleFiles, rules: Iterable[Callable] = RULES) -> list[str]:
    """Each a sentence: file and line, what is wrong, the remedy."""
    return list(dict.fromkeys(sentence for rule in rules for sentence in rule(bundle)))


def check(root: Path) -> int:
    sentences = broken(BundleFiles(root))
    print("\n".join(sentences) or f"All {len(RULES)} rules are kept.")
    return 1 if sentences else 0
