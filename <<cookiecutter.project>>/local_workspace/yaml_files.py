"""The YAML files of a bundle: mappings and lists that know in which file and line each part stands.

Stands for the locations that the Databricks CLI keeps of every value:
https://github.com/databricks/cli/tree/main/libs/dyn
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import yaml

MERGED_BY = {"tasks": "task_key", "environments": "environment_key", "parameters": "name"}


class Placed:
    """`place` is the file and line of the whole, `places` has those of its keys or items."""

    def __init__(self, content: Iterable = (), place: str = "", places: dict | None = None):
        super().__init__(content)
        self.place = place
        self.places = dict(places or {})

    def at(self, *keys: str | int) -> str:
        """The file and line that the keys lead to, as far as they lead."""
        found, place = self, self.place
        for key in keys:
            if not isinstance(found, Placed) or key not in found.places:
                break
            found, place = found[key], found.places[key]
        return place


class Sequence(Placed, list):
    """A list of YAML."""


class Mapping(Placed, dict):
    """A mapping of YAML. What is left out or has another form than expected reads as empty."""

    def section(self, *keys: str) -> "Mapping":
        """The mapping that the keys lead to."""
        found = self
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

    `problems` says what cannot be read, each as file, line, what is wrong and the remedy.
    """

    def __init__(self, root: Path):
        self.root = root
        self.problems: list[str] = []
        main = self._read("databricks.yml")
        self.files = {"databricks.yml": main}
        patterns = main.items_of("include")
        for index, pattern in enumerate(patterns):
            found = sorted(root.glob(str(pattern)))
            if not found:
                place = patterns.at(index)
                self.problems.append(f"{place}: include {pattern} matches no file; correct or remove it")
            for path in found:
                name = path.relative_to(root).as_posix()
                if name not in self.files:
                    self.files[name] = self._read(name)
        self.config = reduce(merge, self.files.values())

    def scopes(self) -> Iterator[Mapping]:
        """What each file says for all targets, and what it says for one of them."""
        for content in self.files.values():
            yield content
            for target in content.section("targets"):
                yield content.section("targets", target)

    def _read(self, name: str) -> Mapping:
        place, problem = f"{name}:1", ""
        try:
            content = _load((self.root / name).read_text(encoding="utf-8"), name)
            if isinstance(content, Mapping):
                return content
            if content is not None:
                problem = "this is no mapping of names to values; correct it"
        except FileNotFoundError:
            problem = "there is no such file; run this in the bundle's folder"
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{name}:{_line(mark) if mark else 1}"
            problem = f"from here on it is no YAML, {getattr(error, 'problem', 'it has control characters')}"
            problem += "; correct it"
        if problem:
            self.problems.append(f"{place}: {problem}")
        return Mapping(place=place)


def merge(base: Any, over: Any) -> Any:
    """`over` on top of `base`: mappings by key, lists of tasks and the like by their name, others added.

    Nothing, as of a key that is left empty, changes nothing.
    """
    if base is None or over is None:
        return base if over is None else over
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        merged = Mapping(base, base.place, base.places)
        for key, value in over.items():
            name = MERGED_BY.get(key)
            both = [merged.get(key), value]
            if name and all(isinstance(found, Sequence) for found in both):
                merged[key] = _merge_by_name(*both, name)
            else:
                merged[key] = merge(*both)
            if value is not None and not isinstance(both[0], Placed):
                merged.places[key] = over.at(key)
        return merged
    if isinstance(base, Sequence) and isinstance(over, Sequence):
        return _sequence([*_with_places(base), *_with_places(over)], base.place)
    return over


def texts(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text within a value, with its file and line."""
    if isinstance(value, Placed):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from texts(item, value.at(key))
    elif isinstance(value, str):
        yield place, value


def _merge_by_name(base: Sequence, over: Sequence, name: str) -> Sequence:
    merged = {}
    for item, place in [*_with_places(base), *_with_places(over)]:
        key = item.name(name) if isinstance(item, Mapping) else None
        known, known_place = merged.get(key, (None, place))
        merged[key] = merge(known, item), known_place
    return _sequence(list(merged.values()), base.place)


def _with_places(items: Sequence) -> list[tuple]:
    return [(item, items.at(index)) for index, item in enumerate(items)]


def _sequence(placed: list[tuple], place: str) -> Sequence:
    return Sequence([item for item, _ in placed], place, dict(enumerate(at for _, at in placed)))


def _line(mark: yaml.Mark) -> int:
    return mark.line + 1


class _Loader(yaml.CSafeLoader):
    file = ""


def _load(text: str, file: str) -> Any:
    loader = _Loader(text)
    loader.file = file
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Mapping:
    content = loader.construct_mapping(node, deep=True)
    keys = {loader.construct_object(key): f"{loader.file}:{_line(key.start_mark)}" for key, _ in node.value}
    return Mapping(content, f"{loader.file}:{_line(node.start_mark)}", keys)


def _list(loader: _Loader, node: yaml.SequenceNode) -> Sequence:
    items = {index: f"{loader.file}:{_line(item.start_mark)}" for index, item in enumerate(node.value)}
    return Sequence(
        loader.construct_sequence(node, deep=True), f"{loader.file}:{_line(node.start_mark)}", items
    )


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _list)
