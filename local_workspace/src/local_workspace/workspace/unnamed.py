"""Tables without a name: Delta writes a new table's log first, and only then has the catalog its name.

Where a run is killed between the two, or amid a DROP, nothing can be created in the place of such a table:
"the associated location is not empty and also not a Delta table".
"""

from pathlib import Path

from local_workspace.workspace.belonging import CATALOG, ERROR, ask_derby

MARK = "running"  # in the state, from a start until a workspace ends in order
LEFT = "left"  # in the state, for what is moved away
ASKED = ("SELECT LOCATION FROM APP.SDS;", "SELECT PARAM_VALUE FROM APP.SERDE_PARAMS;")


def begin(state: Path) -> str:
    """Moves away what a run that did not end in order has left; returns sentences, or nothing."""
    moved = _move_away(state) if (state / MARK).exists() else []
    (state / MARK).touch(mode=0o600)
    return " ".join(moved)


def end(state: Path) -> None:
    """Notes that no table is half made."""
    (state / MARK).unlink(missing_ok=True)


def _move_away(state: Path) -> list[str]:
    warehouse = state / "warehouse"
    tables = [log.parent for log in (*warehouse.glob("*.db/*/_delta_log"), *warehouse.glob("*/_delta_log"))]
    if not tables or not (state / CATALOG).exists():
        return []
    said = ask_derby(state, *ASKED)
    if ERROR.search(said):  # which Spark will meet too
        return []
    known, sentences = [line.rstrip() for line in said.splitlines()], []
    for table in sorted(tables):
        name = table.relative_to(warehouse).as_posix()
        if not any(location.endswith(f"/warehouse/{name}") for location in known):
            target = _free(state / LEFT / name.replace("/", "."))
            table.rename(target)
            sentences.append(
                f"A run that was killed has left {table} without a name; its files are in {target} now."
            )
    return sentences


def _free(path: Path) -> Path:
    """A path like it that nothing has yet."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    number = 1
    while (found := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return found
