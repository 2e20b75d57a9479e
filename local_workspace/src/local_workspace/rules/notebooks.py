"""What holds for every notebook: it stands alone, and ends with its status.

The task pipeline_status reads the task value. `dbutils.notebook.exit` raises, so an `except` around it may
catch what it raises, and what follows it is never run.
"""

import ast
import re
from collections.abc import Iterator

from local_workspace.rules.bundle_files import BundleFiles

COPY = "copy the helper into the notebook"
RUN_MAGIC = re.compile(r"^\s*(# MAGIC\s+)?%run\b", re.MULTILINE)
UNFIT = {  # what a notebook may not import or use, and the sentence on it
    r"from \..*": f"a deployed notebook finds no neighbour; {COPY}",
    r"sys\.path": f"sys.path does not help a deployed notebook; {COPY}",
    r"sys\.argv|(from|import) argparse\b.*": "argparse and sys.argv read a command line, which no task has; "
    'read its parameters by dbutils.widgets.get("name")',
    r"(?i).*spark.*\.stop": "spark.stop() keeps the status from arriving; remove it",
}
STATUSES = ("SUCCESS", "SKIPPED: ", "ALERT: ", "FAILED: ")
SET, EXIT = "dbutils.jobs.taskValues.set", "dbutils.notebook.exit"
WRITE_STATUS = "begin it with SUCCESS, 'SKIPPED: ', 'ALERT: ' or 'FAILED: '"
WRITE_SET = f'write {SET}(key="status", value=status) once, at module level'
WRITE_EXIT = f"write {EXIT}(status) as the last statement, and nowhere else"


def every_notebook_is_python(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        if error := notebook.syntax_error:
            yield f"{notebook.at(error.lineno or 1)}: this is no valid Python ({error.msg}); correct the line"


def no_notebook_runs_another(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        for match in RUN_MAGIC.finditer(notebook.text):
            line = notebook.text.count("\n", 0, match.end()) + 1
            yield f"{notebook.at(line)}: %run makes this notebook depend on another; {COPY}"


def no_notebook_uses_what_a_task_lacks(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        for node, text in notebook.names:
            for pattern, problem in UNFIT.items():
                if re.fullmatch(pattern, text):
                    yield f"{notebook.at(node)}: {problem}"


def every_notebook_exits_with_its_status(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        end = getattr(notebook.tree.body[-1], "value", None) if notebook.tree.body else None
        exits = notebook.called(EXIT)
        right = [call for call in exits if call.node is end and _is_status(call.argument("value"))]
        if not exits and not notebook.syntax_error:
            yield f"{notebook.at(1)}: it does not exit with its status; {WRITE_EXIT}"
        for call in exits:
            if call not in right:
                problem = "this exit may be caught, comes too early, or is not the status"
                yield f"{call.at}: {problem}; {WRITE_EXIT}"


def every_notebook_sets_its_status_once(bundle: BundleFiles) -> Iterator[str]:
    """As a task value; a notebook may set others too."""
    for notebook in bundle.notebooks:
        calls = notebook.called(SET)
        found = [call for call in calls if notebook.text_of(call.argument("key")) == "status"]
        right = [call for call in found if not call.within and _is_status(call.argument("value", 1))]
        if not found and not notebook.syntax_error:
            yield f"{notebook.at(1)}: it does not set the task value status; {WRITE_SET}"
        for call in found:
            if call not in right[:1]:
                problem = "the task value status is set again, not always, or to something else"
                yield f"{call.at}: {problem}; {WRITE_SET}"


def _is_status(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Name) and value.id == "status"


def every_status_is_a_known_one(bundle: BundleFiles) -> Iterator[str]:
    """SUCCESS, SKIPPED: why, ALERT: why, FAILED: why; of a function that is called, what it returns."""
    for notebook in bundle.notebooks:
        body = [node for node in notebook.tree.body if node not in notebook.definitions.values()]
        outside = {id(node) for statement in body for node in ast.walk(statement)}
        given = [value for value in notebook.assigned.get("status", []) if id(value) in outside]
        for value in given:
            called = ast.unparse(value.func) if isinstance(value, ast.Call) else ""
            for status in notebook.returned(called) or [value]:
                if not notebook.text_of(status).startswith(STATUSES):
                    problem = f"{ast.unparse(status)} is no status that pipeline_status knows"
                    yield f"{notebook.at(status)}: {problem}; {WRITE_STATUS}"


def no_failure_is_hidden(bundle: BundleFiles) -> Iterator[str]:
    """An `except` at module level sets the status, a broad one to FAILED; or it raises."""
    for notebook in bundle.notebooks:
        tries = [node for node in notebook.tree.body if isinstance(node, ast.Try)]
        for handler in [handler for node in tries for handler in node.handlers]:
            broad = not handler.type or ast.unparse(handler.type) in ("Exception", "BaseException")
            said = re.search(r"status = f?['\"]FAILED: " if broad else "status = ", ast.unparse(handler))
            if not said and not any(isinstance(node, ast.Raise) for node in ast.walk(handler)):
                problem = "this except hides a failure from pipeline_status"
                yield f'{notebook.at(handler)}: {problem}; write status = f"FAILED: {{error}}" in it'
