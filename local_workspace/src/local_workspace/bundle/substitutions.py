"""The `${...}` of a bundle: variables, values of the bundle, its workspace, its user and its resources.

Stands for https://docs.databricks.com/aws/en/dev-tools/bundles/variables#substitutions
"""

import posixpath
import re
import subprocess
from pathlib import Path
from typing import Any

from local_workspace.bundle import scalars
from local_workspace.bundle.variables import Variable
from local_workspace.bundle.yaml_files import Mapping, Placed, Sequence
from local_workspace.errors import BundleError

USER = {"userName": "local@example.com", "short_name": "local", "domain_friendly_name": "local"}
_NAME = r"[^\W\d_](?:[-_]*[^\W_])*"
REFERENCE = re.compile(rf"(?<!\$)\$\{{({_NAME}(?:\.{_NAME}(?:\[[0-9]+\])*)*(?:\[[0-9]+\])*)\}}")
GIT = {
    "bundle.git.branch": "branch --show-current",
    "bundle.git.commit": "rev-parse --verify HEAD",
    "bundle.git.origin_url": "config --get remote.origin.url",
}
ROOT_PATH = "~/.bundle/${bundle.name}/${bundle.target}"
FOLDERS = {"file": "files", "artifact": "artifacts", "resource": "resources", "state": "state"}
NAMES = ("name", "display_name", "cluster_name", "title")  # fields that a prefix goes before
PREFIXED = (
    *("jobs", "pipelines", "models", "clusters", "dashboards", "genie_spaces", "alerts"),
    "sql_warehouses",
)
PREFIXED_IN_WORDS = ("schemas", "registered_models", "model_serving_endpoints")


class Substitutions:
    """Replaces each `${...}` by what it stands for in one target.

    `config` is the bundle's, merged with the target; `user` has what USER has. For the rules, a `lenient` one
    raises nothing: what refers to nothing, or to a resource, stays as it is.
    """

    def __init__(
        self,
        root: Path,
        target: str,
        config: Mapping,
        variables: dict[str, Variable],
        lenient: bool,
        user: dict[str, str],
    ):
        self._root = root
        self._config = config
        self._variables = variables
        self._lenient = lenient
        self._user = user
        named = {"target": target, "environment": target, "mode": config.get("mode", "")}
        self._scopes = {
            "bundle": {**config.section("bundle"), **named},
            "workspace": _workspace(config.section("workspace"), user),
        }

    def resolve(self, value: object, place: str = "", within: tuple[str, ...] = ()) -> Any:
        """`value`, which stands at `place`, with every `${...}` replaced, as deeply as references go."""
        if isinstance(value, Mapping):
            items = {k: self.resolve(item, value.places.get(k, place), within) for k, item in value.items()}
            return Mapping(items, value.place, value.places)
        if isinstance(value, Sequence):
            parts = [self.resolve(item, value.places.get(n, place), within) for n, item in enumerate(value)]
            return Sequence(parts, value.place, value.places)
        if not isinstance(value, str):
            return value
        if whole := REFERENCE.fullmatch(value):
            return self._value_of(whole[1], place, within)
        text = REFERENCE.sub(lambda match: self._text_of(match[1], place, within), value)
        return text.replace("$${", "${")

    def named(self, kind: str, name: str, place: str) -> str:
        """A resource's name as the target deploys it: after the prefix of its mode or its presets."""
        presets = self._config.section("presets")
        prefix = scalars.text_of(self.resolve(presets.name("name_prefix"), presets.at("name_prefix")))
        if not prefix and self._config.get("mode") == "development":
            prefix = f"[dev {self._user['short_name']}] "
        as_is = self._config.section("experimental").get("skip_name_prefix_for_schema") and kind == "schemas"
        if not prefix or as_is:
            return name
        if kind == "experiments":
            folder, _, last = name.rpartition("/")
            return posixpath.join(folder, prefix + last)
        if kind in PREFIXED_IN_WORDS:
            if not re.fullmatch(r"\[.+\] ?", prefix):
                problem = f"the prefix {prefix!r} of {kind} is written by a deployment alone"
                raise BundleError(f"{place}: {problem}; put a variable in its place, and give it by --var")
            return "_".join(re.findall(r"[^\W_]+", prefix.lower())) + f"_{name}"
        return prefix + name if kind in PREFIXED else name

    def _text_of(self, name: str, place: str, within: tuple[str, ...]) -> str:
        value = self._value_of(name, place, within)
        if not isinstance(value, Placed):
            return scalars.text_within(value)
        if self._lenient:
            return f"${{{name}}}"
        raise BundleError(f"{place}: ${{{name}}} is a list or a mapping; let it stand alone, or name an item")

    def _value_of(self, name: str, place: str, within: tuple[str, ...]) -> Any:
        try:
            if name in within:
                raise BundleError(f"{place}: ${{{name}}} refers to itself in the end; correct its value")
            return self._look_up(name, place, (*within, name))
        except BundleError:
            if self._lenient:
                return f"${{{name}}}"
            raise

    def _look_up(self, name: str, place: str, within: tuple[str, ...]) -> Any:
        scope, *path = re.findall(r"[^.\[\]]+", name)
        remedy = "correct the name, or declare it"
        if scope == "var" and path:
            variable = self._variable(name, path.pop(0), place)
            found, place = variable.value, variable.place or place
        elif scope == "resources" and len(path) > 2:
            return self._resource(name, path, place, within)
        elif name in GIT:
            return self._git(name) or _ask_git(self._root, GIT[name])
        elif scope in self._scopes:
            found = self._scopes[scope]
            if scope == "workspace":
                remedy = "a workspace alone knows it, so put a variable in its place, and give it by --var"
        else:
            known = "var, bundle, workspace or resources"
            raise BundleError(f"{place}: ${{{name}}} refers to nothing; begin it with {known}")
        try:
            return self._walk(found, path, place, within)
        except LookupError:
            raise BundleError(f"{place}: ${{{name}}} refers to nothing here; {remedy}") from None

    def _walk(self, found: Any, path: list[str], place: str, within: tuple[str, ...]) -> Any:
        """What the keys and indexes of a path lead to; raises LookupError."""
        for part in path:
            if isinstance(found, str):
                found = self.resolve(found, place, within)
            if not isinstance(found, dict | list) or (isinstance(found, list) and not part.isdecimal()):
                raise LookupError(part)
            found = found[int(part)] if isinstance(found, list) else found[part]
        return self.resolve(found, place, within)

    def _variable(self, name: str, variable: str, place: str) -> Variable:
        if variable not in self._variables:
            raise BundleError(f"{place}: ${{{name}}} refers to no variable; declare it, or correct its name")
        found = self._variables[variable]
        if found.lookup:
            problem = f"${{{name}}} is looked up in a workspace, and there is none here"
            raise BundleError(f"{place}: {problem}; give it by --var {variable}=VALUE")
        return found

    def _resource(self, name: str, path: list[str], place: str, within: tuple[str, ...]) -> Any:
        kind, key, *fields = path
        resource = self._config.section("resources", kind).section(key)
        if self._lenient or not resource:
            raise BundleError(f"{place}: ${{{name}}} refers to no resource; define it, or correct its name")
        if (kind, fields) == ("jobs", ["id"]):
            return key  # a job's id is its key here
        try:
            found = self._walk(resource, fields, place, within)
        except LookupError:
            problem = f"${{{name}}} is known to a deployment alone; put a variable in its place"
            raise BundleError(f"{place}: {problem}, and give it by --var") from None
        return self.named(kind, found, place) if fields[0] in NAMES and len(fields) == 1 else found

    def _git(self, name: str) -> str:
        """What the bundle or its target says of git; the commit is always that of the folder."""
        field = name.rpartition(".")[2]
        sections = self._config.section("git"), self._config.section("bundle", "git")
        said = [section.name(field) for section in sections if field != "commit"]
        return next(filter(None, said), "")


def _workspace(given: Mapping, user: dict[str, str]) -> dict[str, Any]:
    """The workspace's settings, with the paths that the CLI adds."""
    folders = {f"{name}_path": f"${{workspace.root_path}}/{folder}" for name, folder in FOLDERS.items()}
    found = {"root_path": ROOT_PATH, **folders, **given, "current_user": user}
    home = "/Workspace/Users/${workspace.current_user.userName}/"
    found["root_path"] = re.sub("^~/", home, str(found["root_path"]))
    for name in ("root_path", *folders):
        found[name] = re.sub("^/(?!Workspace/|Volumes/)", "/Workspace/", str(found[name]))
    return found


def _ask_git(root: Path, question: str) -> str:
    """What git says of the folder; nothing where there is no git, or no commit yet."""
    try:
        return subprocess.run(
            ["git", *question.split()], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
