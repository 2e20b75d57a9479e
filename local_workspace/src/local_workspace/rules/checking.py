"""Holds a bundle against the rules, from its files alone, without Spark."""

from collections.abc import Callable, Iterable

from local_workspace.options import option
from local_workspace.rules import RULES
from local_workspace.rules.bundle_files import BundleFiles

Rule = Callable[[BundleFiles], Iterable[str]]


def broken(bundle: BundleFiles, rules: Iterable[Rule] = RULES) -> list[str]:
    """A sentence for what breaks a rule that is not ignored: file and line, what is wrong, the remedy."""
    ignored = option(bundle.root, "ignore", [])
    kept = [rule for rule in rules if rule.__name__ not in ignored]
    return list(dict.fromkeys(sentence for rule in kept for sentence in rule(bundle)))
