"""Puts a notebook's parts together as if it had been written in one piece."""

import re
import sys

IMPORTS = re.compile(r"^(?:(?:import|from) \S.*\n)+\n*", re.MULTILINE)  # and the empty lines that follow
ADJOINING = re.compile(r"^([ )\]}].*\n)(?=def |class |# COMMAND)", re.MULTILINE)  # where a part ends
FROM = re.compile(r"from (\S+) import (?!.* as )(.+)")


def place_of(name: str) -> tuple[bool, str]:
    """Where a name stands among others: classes before functions."""
    return not name[0].isupper(), name


def place(line: str) -> tuple[bool, bool, str, bool]:
    """Where an import stands: the standard library first, then `import x`, then by module."""
    kind, module, *_ = line.split()
    return module.split(".")[0] not in sys.stdlib_module_names, kind == "from", module, " as " in line


def merged(lines: list[str]) -> list[str]:
    """One line for each module, with all that is imported from it."""
    names: dict[str, set[str]] = {}
    whole = {line for line in lines if not FROM.fullmatch(line)}
    for module, imported in (found.groups() for line in lines if (found := FROM.fullmatch(line))):
        names.setdefault(module, set()).update(imported.split(", "))
    froms = (f"from {module} import {', '.join(sorted(names[module], key=place_of))}" for module in names)
    return sorted([*whole, *froms], key=place)


def put_together(notebook: str) -> str:
    """The notebook with all its imports where the first of them stood, and two empty lines between parts."""
    lines = merged([line for found in IMPORTS.findall(notebook) for line in found.split("\n") if line])
    groups = ([line for line in lines if place(line)[0] == is_other] for is_other in (False, True))
    imports = "".join("\n".join(group) + "\n\n" for group in groups if group)
    before, *rest = IMPORTS.split(notebook)
    return ADJOINING.sub(r"\1\n\n", before + imports + "".join(rest))
