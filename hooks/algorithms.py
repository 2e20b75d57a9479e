"""What the algorithms are. Each is one file of the template, which says what it serves and needs:

kinds      its name's ending, or its name, by the type of model; in the line `# % set kinds = ...`
cluster    True if it learns on Spark, on a cluster; in the line `# % set cluster = True`
PACKAGES   what its models need to predict, as their notebooks say it
"""

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

FILES = Path(__file__).resolve().parents[1].glob("<<cookiecutter.project>>/src/*/train/algorithms/*.py")
FACT = re.compile(r"^(?:# % set (kinds|cluster)|(PACKAGES)) = (.*)$", re.MULTILINE)
Models = Iterable[Mapping[str, str]]


class Algorithm(NamedTuple):
    types: list[str]
    packages: list[str]
    on_cluster: bool


def read(file: Path) -> Algorithm:
    """The algorithm that a file brings."""
    found = FACT.findall(file.read_text(encoding="utf-8"))
    facts = {template or notebook: ast.literal_eval(value) for template, notebook, value in found}
    return Algorithm(list(facts["kinds"]), facts["PACKAGES"], facts.get("cluster", False))


ALGORITHMS = {file.stem: read(file) for file in sorted(FILES)}


def serving(kind: str) -> list[str]:
    """The algorithms for a type of model."""
    return [name for name, algorithm in ALGORITHMS.items() if kind in algorithm.types]


def on_cluster(models: Models) -> list[Mapping[str, str]]:
    """Those of the models that learn on a cluster."""
    return [model for model in models if ALGORITHMS[model["algorithm"]].on_cluster]


def needed_by(pins: Mapping[str, str], models: Models) -> dict[str, str]:
    """The pins without those of packages that only other algorithms need."""
    used = {package for model in models for package in ALGORITHMS[model["algorithm"]].packages}
    of_algorithms = {package for algorithm in ALGORITHMS.values() for package in algorithm.packages}
    return {name: pin for name, pin in pins.items() if name in used or name not in of_algorithms}
