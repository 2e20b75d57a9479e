"""A notebook's source as a syntax tree: what it calls, imports, assigns and defines.

Stands for what the workspace makes of a source file: https://docs.databricks.com/aws/en/notebooks
"""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

BLOCKS: tuple[type[ast.AST], ...] = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
BLOCKS += (ast.Try, ast.With, ast.If, ast.For, ast.While)
NO_CHILDREN = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)  # a third of all nodes

Lined = ast.stmt | ast.expr | ast.excepthandler  # a node that has a line


def written(node: ast.expr | ast.stmt) -> str:
    """A node as it is written; what `ast.unparse` gives, at once for a dotted name."""
    parts, root = list[str](), node
    while isinstance(root, ast.Attribute):
        parts.insert(0, root.attr)
        root = root.value
    return ".".join([root.id, *parts]) if isinstance(root, ast.Name) else ast.unparse(node)


@dataclass(frozen=True)
class Call:
    """One call: `name` as it is written, for example mlflow.set_experiment; `at` is file and line.

    `within` are the blocks that it stands in: none at module level.
    """

    name: str
    at: str
    node: ast.Call
    within: tuple[ast.AST, ...]

    @property
    def in_run(self) -> bool:
        """Whether it stands in a `with mlflow.start_run(...)`."""
        items = [item for node in self.within if isinstance(node, ast.With) for item in node.items]
        return any("start_run(" in ast.unparse(item.context_expr) for item in items)

    def argument(self, name: str, position: int = 0) -> ast.expr | None:
        named = next((keyword.value for keyword in self.node.keywords if keyword.arg == name), None)
        return named or next(iter(self.node.args[position:]), None)


class Notebook:
    """A notebook's source file."""

    def __init__(self, root: Path, name: str):
        self.name = name
        self.path = root / name
        self.exists = self.path.is_file()
        self.text = self.path.read_text(encoding="utf-8") if self.exists else ""
        self.tree, self.syntax_error = ast.Module([], []), None
        try:
            self.tree = ast.parse(self.text)
        except SyntaxError as error:
            self.syntax_error = error

    @cached_property
    def trains(self) -> bool:
        return PurePosixPath(self.name).match("src/*/*/train_*.py")

    @cached_property
    def scores(self) -> bool:
        in_folder = PurePosixPath(self.name).match("src/*/inference/*.py")
        monitors = PurePosixPath(self.name).match("src/*/monitoring/*.py")  # it keeps no prediction
        return in_folder or (bool(self.ending(".score_batch")) and not monitors)

    def at(self, node: Lined | int) -> str:
        return f"{self.name}:{node if isinstance(node, int) else node.lineno}"

    def line_of(self, name: str) -> str:
        """File and line where a name is first assigned; else the first line."""
        return self.at(self.assigned[name][0] if name in self.assigned else 1)

    def literal(self, name: str, otherwise: object) -> Any:
        """The constant that a name stands for."""
        values = self.assigned.get(name, [])
        return values[0].value if len(values) == 1 and isinstance(values[0], ast.Constant) else otherwise

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return [node for node, _ in self._walked]

    @cached_property
    def calls(self) -> list[Call]:
        found = [(node, within) for node, within in self._walked if isinstance(node, ast.Call)]
        return [Call(written(node.func), self.at(node), node, within) for node, within in found]

    @cached_property
    def _walked(self) -> list[tuple[ast.AST, tuple[ast.AST, ...]]]:
        """Every node but operators and alike, with the blocks it stands in."""
        found: list[tuple[ast.AST, tuple[ast.AST, ...]]] = []
        waiting: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(self.tree, ())]
        while waiting:
            node, within = waiting.pop()
            found.append((node, within))
            inner = (*within, node) if isinstance(node, BLOCKS) else within
            children = [child for child in ast.iter_child_nodes(node) if not isinstance(child, NO_CHILDREN)]
            waiting += [(child, inner) for child in reversed(children)]
        return found

    @cached_property
    def names(self) -> list[tuple[Lined, str]]:
        """Each dotted name and each import, as it is written."""
        kinds = (ast.Attribute, ast.Import, ast.ImportFrom)
        found = [node for node in self.nodes if isinstance(node, kinds)]
        return [(node, written(node)) for node in found]

    def called(self, *names: str) -> list[Call]:
        return [call for call in self.calls if call.name in names]

    def ending(self, name: str) -> list[Call]:
        return [call for call in self.calls if call.name.endswith(name)]

    @cached_property
    def imports(self) -> list[tuple[ast.stmt, str, list[str]]]:
        """Each import: its statement, the module (with leading dots), the names taken from it."""
        found: list[tuple[ast.stmt, str, list[str]]] = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(node, alias.name, []) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                found.append((node, module, [alias.name for alias in node.names]))
        return found

    @cached_property
    def assigned(self) -> dict[str, list[ast.expr]]:
        """Everything that is assigned to a name, wherever that is."""
        values: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    values.setdefault(name, []).append(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    values.setdefault(name, []).append(value)
        return values

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Functions and classes at module level."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return {node.name: node for node in self.tree.body if isinstance(node, kinds)}

    def returned(self, name: str) -> list[ast.expr]:
        """What the function of a name returns; nothing if there is none."""
        nodes = ast.walk(self.definitions.get(name, ast.Pass()))
        return [node.value for node in nodes if isinstance(node, ast.Return) and node.value]

    def items_of(self, name: str) -> list[ast.expr] | None:
        """The items of the list that a name stands for; None where only a run tells them."""
        values = self.assigned.get(name, [])
        own = any(
            isinstance(node, ast.Name) and node.id == name for value in values for node in ast.walk(value)
        )
        return self._items(values[0]) if len(values) == 1 and not own else None

    def _items(self, value: ast.expr) -> list[ast.expr] | None:
        """Those of a list, also where lists are added, unpacked or named."""
        match value:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                parts = [
                    self._items(item.value) if isinstance(item, ast.Starred) else [item] for item in items
                ]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                parts = [self._items(left), self._items(right)]
            case ast.Name(id=name):
                parts = [self.items_of(name)]
            case _:
                return None
        known = [part for part in parts if part is not None]
        return [item for part in known for item in part] if len(known) == len(parts) else None

    def text_of(self, value: ast.expr | None) -> str:
        """A string as it is written, an f-string with its braces: /Shared/{project}_ml_{model_name}."""
        match value:
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr(values=parts):
                return "".join(self.text_of(part) for part in parts)
            case ast.FormattedValue(value=expression):
                return f"{{{ast.unparse(expression)}}}"
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.text_of(left) + self.text_of(right)
            case ast.Subscript(value=text):
                return self.text_of(text)
            case ast.Name(id=name):
                values = self.assigned.get(name, [])
                own = values and value in ast.walk(values[0])  # as in name = name[:10]
                return self.text_of(values[0]) if len(values) == 1 and not own else f"{{{name}}}"
        return f"{{{ast.unparse(value)}}}" if value else ""
