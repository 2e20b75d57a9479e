"""How every notebook ends: with its status, as task value and as exit.

The task pipeline_status reads the task value. `dbutils.notebook.exit` raises, so an `except` around
it may catch what it raises: it is called once, as the last statement.
"""

import ast
import re
from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles
from local_workspace.notebook_files import Call, Notebook

STATUSES = ("SUCCESS", "SKIPPED: ", "FAILED: ")
FAILED = re.compile(r"status = f?['\"]FAILED: ")
READER = "pipeline_status"
SET = "dbutils.jobs.taskValues.set"
EXIT = "dbutils.notebook.exit"
WRITE_SET = f'write {SET}(key="status", value=status) at module level'
WRITE_EXIT = f"write {EXIT}(status) as the last statement"


def every_notebook_exits_with_its_status(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        exits = notebook.called(EXIT)
        if not exits and not notebook.syntax_error:
            yield f"{notebook.at(1)}: it does not exit with its status; {WRITE_EXIT}"
        for call in exits:
            if call.block:
                in_block = f"{EXIT} in {call.block} may be caught or left out"
                yield f"{call.at}: {in_block}; set status there, and {WRITE_EXIT}"
            elif getattr(notebook.tree.body[-1], "value", None) is not call.node:
                yield f"{call.at}: what follows {EXIT} is never run; {WRITE_EXIT}"


def status_calls(notebook: Notebook) -> list[Call]:
    """Where the task value status is set; a notebook may set others too."""
    calls = notebook.called(SET)
    return [call for call in calls if notebook.text_of(call.argument("key")) == "status"]


def every_notebook_sets_its_status_once(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        found = status_calls(notebook)
        if not found and not notebook.syntax_error:
            yield f"{notebook.at(1)}: the task value status, which {READER} reads, is missing; {WRITE_SET}"
        for call in found:
            if call.block:
                yield f"{call.at}: the task value status is set in {call.block}, so not always; {WRITE_SET}"
        for call in found[1:]:
            yield f"{call.at}: the task value status is set again; {WRITE_SET}, once"


def exit_and_task_value_are_the_same(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        for set_value, end in zip(status_calls(notebook), notebook.called(EXIT), strict=False):
            values = [set_value.argument("value", 1), end.argument("value")]
            if not all(isinstance(value, ast.Name) and value.id == "status" for value in values):
                yield f"{end.at}: exit and task value may differ; give both the same name, status"


def every_status_is_a_known_one(bundle: BundleFiles) -> Iterator[str]:
    """SUCCESS, SKIPPED: why, FAILED: why."""
    for notebook in bundle.notebooks:
        for value in statuses(notebook):
            if not notebook.text_of(value).startswith(STATUSES):
                yield (
                    f"{notebook.at(value)}: {ast.unparse(value)} is no status that {READER} knows; "
                    "begin it with SUCCESS, 'SKIPPED: ' or 'FAILED: '"
                )


def statuses(notebook: Notebook) -> Iterator[ast.expr]:
    """Everything that `status` may be at module level; of a function, what it returns."""
    functions = notebook.definitions
    inside = {id(node) for function in functions.values() for node in ast.walk(function)}
    for value in notebook.assigned.get("status", []):
        if id(value) not in inside:
            yield from returned(functions, value) or [value]


def returned(functions: dict[str, ast.AST], value: ast.expr) -> list[ast.expr]:
    """What a function of the notebook returns, if that is what is called."""
    name = ast.unparse(value.func) if isinstance(value, ast.Call) else ""
    nodes = ast.walk(functions[name]) if name in functions else []
    return [node.value for node in nodes if isinstance(node, ast.Return) and node.value]


def no_failure_is_hidden(bundle: BundleFiles) -> Iterator[str]:
    """An `except` at module level sets the status, the last of them to FAILED; or it raises."""
    for notebook in bundle.notebooks:
        for node in [node for node in notebook.tree.body if isinstance(node, ast.Try)]:
            for handler in node.handlers:
                text = ast.unparse(handler)
                broad = handler.type is None or ast.unparse(handler.type) in ("Exception", "BaseException")
                says = FAILED.search(text) or (not broad and "status = " in text)
                if not says and not any(isinstance(inner, ast.Raise) for inner in ast.walk(handler)):
                    yield (
                        f"{notebook.at(handler)}: this except hides a failure from {READER}; "
                        'write status = f"FAILED: {error}" in it'
                    )


RULES = (
    every_notebook_exits_with_its_status,
    every_notebook_sets_its_status_once,
    exit_and_task_value_are_the_same,
    every_status_is_a_known_one,
    no_failure_is_hidden,
)
