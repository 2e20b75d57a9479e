"""The YAML files of a bundle: mappings and lists that know in which file and line each part stands.

Stands for how the Databricks CLI loads and merges files, and for the locations it keeps of every value:
https://github.com/databricks/cli/tree/main/libs/dyn
"""

import os
import re
from collections.abc import Iterable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import yaml

from local_workspace.bundle import scalars

MERGED_BY = {
    "tasks": "task_key",
    "environments": "environment_key",
    "job_clusters": "job_cluster_key",
    "parameters": "name",
}


class Placed:
    """`place` is the file and line of the whole, `places` has those of its keys or items."""

    place: str
    places: dict[Any, str]

    def at(self, *keys: str | int) -> str:
        """The file and line that the keys lead to, as far as they lead."""
        found: Any = self
        place = self.place
        for key in keys:
            places = found.places if isinstance(found, Placed) else {}
            if key not in places:
                break
            found, place = found[key], places[key]
        return place


class Sequence(Placed, list[Any]):
    """A list of YAML."""

    def __init__(self, content: Iterable[Any] = (), place: str = "", places: dict[int, str] | None = None):
        super().__init__(content)
        self.place, self.places = place, dict(places or {})


class Mapping(Placed, dict[str, Any]):
    """A mapping of YAML. What is left out or has another form than expected reads as empty."""

    def __init__(self, content: Iterable[Any] = (), place: str = "", places: dict[str, str] | None = None):
        super().__init__(content)
        self.place, self.places = place, dict(places or {})

    def section(self, *keys: str) -> "Mapping":
        """The mapping that the keys lead to."""
        found: Any = self
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else Mapping(place=self.at(*keys))

    def name(self, key: str) -> str:
        """The text of a key that names something."""
        found = self.get(key)
        return "" if found is None else str(found)

    def entries(self, key: str) -> list["Mapping"]:
        """The mappings in the list of a key."""
        return [entry for entry in self.items_of(key) if isinstance(entry, Mapping)]

    def items_of(self, key: str) -> Sequence:
        """The list of a key."""
        found = self.get(key)
        return found if isinstance(found, Sequence) else Sequence(place=self.at(key))


class YamlFiles:
    """`databricks.yml` and what it includes: `files` by name, `config` all of them as one.

    `problems` says what the CLI cannot read either, `unused` which includes match nothing: each as file,
    line, what is wrong and the remedy.
    """

    def __init__(self, root: Path):
        self.root = root
        self.problems: list[str] = []
        self.unused: list[str] = []
        self.files = {"databricks.yml": self._read("databricks.yml")}
        for place, pattern in texts(self.files["databricks.yml"].items_of("include")):
            for name in self._matches(place, pattern):
                if name not in self.files:
                    self.files[name] = self._read(name)
        self.problems += _defined_twice(self.files.values())
        self.config = reduce(merge, self.files.values())

    def _matches(self, place: str, pattern: str) -> list[str]:
        """The files that an include means; as in Go's filepath.Glob, ** is no more than *."""
        if os.path.isabs(pattern):
            problem = f"include {pattern} is absolute"
            self.problems.append(f"{place}: {problem}; write it relative to databricks.yml")
            return []
        found = self.root.glob(re.sub(r"\*+", "*", os.path.normpath(pattern)))
        names = sorted(Path(os.path.relpath(path, self.root)).as_posix() for path in found)
        if not names:
            sentence = f"{place}: include {pattern} matches no file; correct or remove it"
            (self.unused if re.search(r"[*?[]", pattern) else self.problems).append(sentence)
        for name in names:
            if not name.endswith((".yml", ".yaml", ".json")):
                self.problems.append(f"{place}: {name} is no YAML file; narrow the include {pattern}")
                return []
        return names

    def scopes(self) -> Iterator[Mapping]:
        """What each file says for all targets, and what it says for one of them."""
        for content in self.files.values():
            yield content
            for target in content.section("targets"):
                yield content.section("targets", target)

    def _read(self, name: str) -> Mapping:
        content, place, problem = None, f"{name}:1", ""
        try:
            content = load((self.root / name).read_text(encoding="utf-8"), name)
        except FileNotFoundError:
            problem = "there is no such file; run this in the bundle's folder"
        except UnicodeDecodeError:
            problem = "it is not UTF-8; save it as UTF-8"
        except yaml.MarkedYAMLError as error:
            if error.problem_mark:
                place = f"{name}:{error.problem_mark.line + 1}"
            problem = f"from here on it is no YAML, {error.problem}; correct it"
        except yaml.YAMLError:
            problem = "it has control characters, so it is no YAML; remove them"
        if isinstance(content, Mapping):
            return content
        if content is not None:
            problem = "this is no mapping of names to values; correct it"
        if problem:
            self.problems.append(f"{place}: {problem}")
        return Mapping(place=place)


def merge(base: Any, over: Any) -> Any:
    """`over` on top of `base`: mappings by key, lists of tasks and the like by their name, others added.

    Nothing, as of a key that is left empty, changes nothing.
    """
    if base is None or over is None:
        return base if over is None else over
    if isinstance(base, Sequence) and isinstance(over, Sequence):
        places = [items.at(index) for items in (base, over) for index in range(len(items))]
        return Sequence([*base, *over], base.place, dict(enumerate(places)))
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    merged = Mapping(base, base.place, base.places)
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = merge(known, value)
        if value is not None and not isinstance(known, Placed):
            merged.places[key] = over.at(key)
    return merged


def conflicts(base: Mapping, over: Mapping) -> Iterator[str]:
    """Where `over` has a list, a mapping or a single value, and `base` has another of these."""
    for key, value in over.items():
        known = base.get(key)
        kinds = [isinstance(v, Mapping) + 2 * isinstance(v, Sequence) for v in (known, value)]
        if known is None or value is None:
            continue
        if kinds[0] != kinds[1]:
            yield f"{over.at(key)}: {key} has another form than in {base.at(key)}; write both alike"
        elif isinstance(value, Mapping):
            yield from conflicts(known, value)


def merge_by_name(job: Mapping) -> Mapping:
    """The job with all its tasks of one key merged to one, and the like: those of a target come second."""
    merged = Mapping(job, job.place, job.places)
    for section, name in MERGED_BY.items():
        if isinstance(job.get(section), Sequence):
            merged[section] = _one_of_each_name(job.items_of(section), name)
    return merged


def _one_of_each_name(items: Sequence, name: str) -> Sequence:
    """The list with all entries of one name merged to one."""
    found = Mapping()
    for entry in items:
        if isinstance(entry, Mapping):
            key = entry.name(name)
            found = merge(found, Mapping({key: entry}, places={key: entry.place}))
    return Sequence(found.values(), items.place, dict(enumerate(found.places.values())))


def _defined_twice(files: Iterable[Mapping]) -> Iterator[str]:
    """A resource that two files define, or two kinds of resources with the same key."""
    places: dict[str, str] = {}
    for content in files:
        for kind, resources in content.section("resources").items():
            for key in resources if isinstance(resources, Mapping) else ():
                place = content.at("resources", kind, key)
                if key in places:
                    yield f"{place}: {key} is defined in {places[key]} too; give each a key of its own"
                places.setdefault(key, place)


def texts(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text within a value, with its file and line."""
    if isinstance(value, Mapping | Sequence):
        items: Iterable[tuple[str | int, Any]]
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from texts(item, value.at(key))
    elif isinstance(value, str):
        yield place, value


def load(text: str, file: str) -> Any:
    """The content of a YAML text; raises yaml.YAMLError."""
    return _Loader(text, file).get_single_data()


class _Loader(yaml.CSafeLoader):
    """Gives mappings and lists their places, and reads scalars as the CLI does."""

    yaml_implicit_resolvers: dict[Any, Any] = {}

    def __init__(self, text: str, file: str):
        super().__init__(text)
        self.file = file

    def place(self, node: yaml.Node) -> str:
        return f"{self.file}:{node.start_mark.line + 1}"

    def mapping(self, node: yaml.MappingNode) -> Mapping:
        content = self.construct_mapping(node, deep=True)
        places = {self.construct_object(key): self.place(key) for key, _ in node.value}
        for key, _ in node.value:
            if not isinstance(self.construct_object(key), str):
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value} is no text, so it needs quotes", problem_mark=key.start_mark
                )
        return Mapping(content, self.place(node), places)

    def sequence(self, node: yaml.SequenceNode) -> Sequence:
        content = self.construct_sequence(node, deep=True)
        return Sequence(content, self.place(node), dict(enumerate(map(self.place, node.value))))

    def integer(self, node: yaml.ScalarNode) -> int:
        try:
            return scalars.integer(node.value)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(
                problem=str(error), problem_mark=node.start_mark
            ) from None


_TAG = "tag:yaml.org,2002:"
for _kind, _pattern, _first in (
    ("null", scalars.NULL, ["~", "n", "N", ""]),
    ("bool", scalars.BOOLEAN, list("tTfF")),
    ("int", scalars.INTEGER, list("-+0123456789")),
    ("float", scalars.FLOAT, list("-+.0123456789")),
    ("merge", re.compile("<<"), ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_pattern.pattern})$"), _first)
_Loader.add_constructor(_TAG + "map", _Loader.mapping)
_Loader.add_constructor(_TAG + "seq", _Loader.sequence)
_Loader.add_constructor(_TAG + "int", _Loader.integer)
