"""Says which rules the bundle breaks, as a linter does: from its files alone, without Spark."""

from collections.abc import Callable, Iterable
from pathlib import Path

from local_workspace.bundle_files import BundleFiles
from local_workspace.options import option
from local_workspace.rules import RULES


def broken(bundle: BundleFiles, rules: Iterable[Callable] = RULES) -> list[str]:
    """A sentence for what breaks a rule that is not ignored: file and line, what is wrong, the remedy."""
    ignored = option(bundle.root, "ignore", [])
    kept = [rule for rule in rules if rule.__name__ not in ignored]
    return list(dict.fromkeys(sentence for rule in kept for sentence in rule(bundle)))


def check(root: Path) -> int:
    """Prints what is broken; returns the exit code."""
    sentences = broken(BundleFiles(root))
    print("\n".join(sentences) or f"All {len(RULES)} rules are kept.")
    return 1 if sentences else 0
