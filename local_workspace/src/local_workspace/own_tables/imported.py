"""Which gold tables were imported, and from what: one small file for each, named after its table."""

from pathlib import Path

NAME = "imported"


def remember(state: Path, table: str, files: list[Path]) -> None:
    (state / NAME).mkdir(exist_ok=True, mode=0o700)
    (state / NAME / table).write_text("".join(f"{file}\n" for file in files), encoding="utf-8")


def recall(state: Path) -> dict[str, list[str]]:
    """The files that each table came from."""
    found = sorted((state / NAME).glob("*"))
    return {path.name: path.read_text(encoding="utf-8").splitlines() for path in found}
