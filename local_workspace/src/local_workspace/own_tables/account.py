"""What becomes of each column of a gold table: key, label, feature or none.

What is a feature is read from the feature table, and why others are not from what its task has printed.
"""

from collections.abc import Collection

from local_workspace.jobs.outcomes import TaskRun
from local_workspace.own_tables.domains import TIME, Domain


def describe(domain: Domain, types: dict[str, str], features: Collection[str], task: TaskRun) -> list[str]:
    """Lines for a person; `types` are those of the gold table's columns, `features` the feature table's."""
    wanted = dict.fromkeys([*domain.keys, *domain.labels, *types])
    width = max(map(len, wanted))
    types_width = max([len(kind) for kind in types.values() if len(kind) < 30], default=0)
    lines = [
        f"  {name:<{width}}  {types.get(name, 'missing'):<{types_width}}  {_role(domain, name, features)}"
        for name in wanted
    ]
    printed = task.log.read_text(encoding="utf-8", errors="replace").splitlines() if task.log else []
    if "Traceback (most recent call last):" in printed:
        printed = printed[: printed.index("Traceback (most recent call last):")]
    return [
        *map(str.rstrip, lines),
        f"{task.key}, run on it, says:",
        *[f"  {line}" for line in [*printed, task.status]],
    ]


def _role(domain: Domain, name: str, features: Collection[str]) -> str:
    if name in domain.keys:
        together = f" together with {' and '.join(set(domain.keys) - {name})}" if domain.keys[1:] else ""
        return f"key, unique{together}" if features else "key"
    if name in domain.labels or name == TIME:
        return "label" if name in domain.labels else "time of the row"
    if not features:
        return ""
    if f"{name}_days" in features:  # of a date or a time
        return "features: its month, weekday and alike"
    return "feature" if name in features else "no feature"
