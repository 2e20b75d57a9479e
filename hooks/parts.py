"""Puts a notebook's parts together as if it had been written in one piece."""

import sys

WIDTH = 110  # of a line of the notebooks


def place_of(name: str) -> tuple[bool, str]:
    """Where a name stands among others: classes before functions."""
    return not name[0].isupper(), name


def place(line: str) -> tuple[bool, bool, str, bool]:
    """Where an import stands: the standard library first, then `import x`, then by module."""
    kind, module, *_ = line.split()
    return module.split(".")[0] not in sys.stdlib_module_names, kind == "from", module, " as " in line


def merged(lines: list[str]) -> list[str]:
    """One line for each module, with all that is imported from it."""
    whole, names = set(), {}
    for line in lines:
        module, _, imported = line.removeprefix("from ").partition(" import ")
        if imported and " as " not in imported:
            names.setdefault(module, set()).update(imported.split(", "))
        else:
            whole.add(line)
    froms = (f"from {module} import {', '.join(sorted(names[module], key=place_of))}" for module in names)
    return [wrapped(line) for line in sorted([*whole, *froms], key=place)]


def wrapped(line: str) -> str:
    """An import that is too long for a line, a name in each, as the formatter writes it."""
    if len(line) <= WIDTH:
        return line
    module, _, names = line.partition(" import ")
    return "\n".join([f"{module} import (", *(f"    {name}," for name in names.split(", ")), ")"])


def put_together(notebook: str) -> str:
    """The notebook with all its imports where the first of them stood, and two empty lines between parts."""
    lines, imports, top, is_after_import = [], [], 0, False
    for line in notebook.split("\n"):
        if line.startswith(("import ", "from ")):
            top = top if imports else len(lines)
            imports.append(line)
            is_after_import = True
        elif line or not is_after_import:
            begins = line.startswith(("def ", "class ", "# COMMAND"))
            if begins and lines and lines[-1] and not lines[-1].startswith("#"):
                lines += ["", ""]  # a part ended with the line before
            lines.append(line)
            is_after_import = False
    imports = merged(imports)
    for is_other in (True, False):
        if group := [line for line in imports if place(line)[0] == is_other]:
            lines[top:top] = [*group, ""]
    return "\n".join(lines)
