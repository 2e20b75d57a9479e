"""The uv.lock of a bundle: that of the template with what is its own, and without what it does not need."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

PROJECT = "PROJECT_ml"  # stands for the name of the bundle's own package
REQUIREMENT = re.compile(r'^    { name = "(.+?)".*\n', re.MULTILINE)


def fit(lock: Path, own: Mapping[str, str], not_needed: Collection[str]) -> None:
    """Writes what is the bundle's own in place of the words that stand for it, and leaves packages out.

    It is too long to be worth rendering for three words.
    """
    text = lock.read_text(encoding="utf-8")
    if not_needed:
        text = _cut(text, not_needed)
    text = text.replace(PROJECT, own["PROJECT"]).replace("LOCAL_WORKSPACE_VERSION", own["VERSION"])
    lock.write_text(text.replace("LOCAL_WORKSPACE_SHA256", own["SHA256"]), encoding="utf-8")


def _cut(lock: str, packages: Collection[str]) -> str:
    """The lock of a project that does not ask for these packages, so without what only they need."""
    head, *tables = lock.split("[[package]]\n")
    names = [table.split('"')[1] for table in tables]
    own = names.index(PROJECT)
    tables[own] = REQUIREMENT.sub(lambda line: "" if line[1] in packages else line[0], tables[own])
    kept: set[str] = set()
    new = {PROJECT}
    while new:
        kept |= new
        asking = [table for name, table in zip(names, tables, strict=True) if name in new]
        new = {needed for table in asking for needed in REQUIREMENT.findall(table)} - kept
    return "[[package]]\n".join([head, *(t for name, t in zip(names, tables, strict=True) if name in kept)])
