"""What holds for every notebook: it stands alone, and is given its parameters by widgets."""

import ast
import re
from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles
from local_workspace.rules.pins import known_packages, local_modules

RUN_MAGIC = re.compile(r"^\s*(# MAGIC\s+)?%run\b", re.MULTILINE)
COPY = "copy the helper into the notebook"


def every_notebook_is_python(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        if error := notebook.syntax_error:
            yield f"{notebook.at(error.lineno)}: this is no valid Python ({error.msg}); correct the line"


def no_notebook_imports_from_the_bundle(bundle: BundleFiles) -> Iterator[str]:
    """A deployed notebook cannot count on finding its neighbours."""
    known = known_packages(bundle)
    for notebook in bundle.notebooks:
        local = local_modules(notebook, bundle, known)
        for node, module, _ in notebook.imports:
            if module.startswith(".") or module.split(".")[0] in local:
                yield f"{notebook.at(node)}: {module} is not found by a deployed notebook; {COPY}"
        for node in notebook.attributes("path"):
            if ast.unparse(node) == "sys.path":
                yield f"{notebook.at(node)}: sys.path does not help a deployed notebook; {COPY}"


def no_notebook_runs_another(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        for match in RUN_MAGIC.finditer(notebook.text):
            line = notebook.text.count("\n", 0, match.end()) + 1
            yield f"{notebook.at(line)}: %run does not find its notebook once deployed; {COPY}"


def no_notebook_reads_a_command_line(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        imports = [node for node, module, _ in notebook.imports if module == "argparse"]
        for node in [*imports, *notebook.attributes("argv")]:
            yield (
                f"{notebook.at(node)}: argparse and sys.argv read a command line, which no task has; "
                'read its parameters by dbutils.widgets.get("name")'
            )


def no_notebook_stops_spark(bundle: BundleFiles) -> Iterator[str]:
    for notebook in bundle.notebooks:
        for node in notebook.attributes("stop"):
            if "spark" in ast.unparse(node).lower():
                yield f"{notebook.at(node)}: spark.stop() keeps the status from arriving; remove it"


RULES = (
    every_notebook_is_python,
    no_notebook_imports_from_the_bundle,
    no_notebook_runs_another,
    no_notebook_reads_a_command_line,
    no_notebook_stops_spark,
)
