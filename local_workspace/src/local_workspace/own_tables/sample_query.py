"""Which columns and rows of a gold table a sample has: those that models use, and whole keys."""

import ast
import math
import secrets

from local_workspace.errors import WorkspaceError
from local_workspace.own_tables.domains import TIME, Domain
from local_workspace.own_tables.statements import Statements
from local_workspace.rules.notebook_files import Notebook

BUCKETS = 1_000_000  # that keys are hashed to
# Unity Catalog's names for the types of which create_feature_tables.py makes features
NUMBERS = {"BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN"}
TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP_NTZ"}
TEXTS = {"STRING", "CHAR"}


def choose(
    statements: Statements, domain: Domain, types: dict[str, str], also: list[str]
) -> tuple[list[str], int]:
    """The columns that models use, as the features task chooses them, and how many rows there are."""
    notebook = Notebook(domain.notebook.parent, domain.notebook.name)
    left_out = _not_features(notebook)
    most, repeats = notebook.literal("MAX_TEXTS", 200), notebook.literal("MIN_REPEATS", math.inf)
    kept = {*domain.keys, *domain.labels, TIME, *also}
    features = [name for name in types if name not in kept and name not in left_out]
    texts = [name for name in features if types[name] in TEXTS]
    counts = [f"approx_count_distinct({quoted(name)}, 0.01)" for name in texts]
    result = statements.run(f"SELECT {', '.join(['count(*)', *counts])} FROM {table_name(domain)}", {})
    total, *found = [column[0].as_py() for column in result.columns]
    few = {
        name for name, count in zip(texts, found, strict=True) if count <= most or count * repeats <= total
    }
    used = kept | few | {name for name in features if types[name] in NUMBERS | TIMES}
    return [name for name in types if name in used], total


def _not_features(notebook: Notebook) -> list[str]:
    values = notebook.assigned.get("NOT_FEATURES", [])
    try:
        return [name for value in values for name in ast.literal_eval(value)]
    except ValueError:
        place = notebook.line_of("NOT_FEATURES")
        raise WorkspaceError(f"{place}: NOT_FEATURES is no plain list of names; write it as such") from None


def select(domain: Domain, columns: list[str], hashed: list[str], share: float) -> tuple[str, dict[str, str]]:
    """The statement that draws about a share of the rows, by key, so that a key's rows come all or none.

    Hashes are salted anew each time: who knows all customers could else hash them, and compare.
    """
    table, key = table_name(domain), quoted(domain.keys[0])
    readable = {name: quoted(name) for name in columns}
    digest = {name: f"sha2(concat(:salt, CAST({quoted(name)} AS STRING)), 256)" for name in hashed}
    chosen = ", ".join(f"{digest.get(name, readable[name])} AS {readable[name]}" for name in columns)
    drawn = f"pmod(xxhash64(CAST({key} AS STRING), 'sample'), {BUCKETS}) < {round(min(share, 1) * BUCKETS)}"
    parameters = {"salt": secrets.token_hex(16)} if set(hashed) & set(columns) else {}
    return f"SELECT {chosen} FROM {table} WHERE {key} IS NOT NULL AND {drawn}", parameters


def table_name(domain: Domain) -> str:
    return ".".join(map(quoted, domain.gold_table.split(".")))


def quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
