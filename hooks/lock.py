"""What a bundle locks: its uv.lock, and what its pins bring into the serverless environment.

`locks/` has both for a bundle with every algorithm, of each version of the environment, by
`tests/renew_lock.py`. A bundle gets those packages that its models need.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

LOCKS = Path(__file__).parent / "locks"
PROJECT = "PROJECT_ml"  # stands for the name of the bundle's own package
REQUIREMENT = re.compile(r'^    { name = "(.+?)".*\n', re.MULTILINE)


def needed(not_needed: Collection[str], environment_version: str) -> list[str]:
    """What the environment lacks or has in another version, each exactly, without what these bring."""
    tables = _cut(environment_version, tuple(not_needed))
    names = {table.split('"')[1] for table in tables[1:]}
    lines = (LOCKS / f"environment_{environment_version}.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line.split("==")[0] in names]


def write(lock: Path, own: Mapping[str, str], not_needed: Collection[str], environment_version: str) -> None:
    """Writes uv.lock, with what is the bundle's own in place of the words that stand for it.

    It is too long to be worth rendering for three words.
    """
    text = "[[package]]\n".join(_cut(environment_version, tuple(not_needed)))
    text = text.replace(PROJECT, own["PROJECT"]).replace("LOCAL_WORKSPACE_VERSION", own["VERSION"])
    lock.write_text(text.replace("LOCAL_WORKSPACE_SHA256", own["SHA256"]), encoding="utf-8")


@cache
def _cut(environment_version: str, not_needed: tuple[str, ...]) -> list[str]:
    """The head and the packages of a project that does not ask for these, so without what only they need."""
    head, *tables = (LOCKS / f"uv_{environment_version}.lock").read_text("utf-8").split("[[package]]\n")
    names = [table.split('"')[1] for table in tables]
    own = names.index(PROJECT)
    tables[own] = REQUIREMENT.sub(lambda line: "" if line[1] in not_needed else line[0], tables[own])
    kept: set[str] = set()
    new = {PROJECT}
    while new:
        kept |= new
        asking = [table for name, table in zip(names, tables, strict=True) if name in new]
        new = {needed for table in asking for needed in REQUIREMENT.findall(table)} - kept
    return [head, *(table for name, table in zip(names, tables, strict=True) if name in kept)]
