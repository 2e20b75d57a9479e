"""What holds for every scoring notebook: the champion scores, and predictions say which version it was."""

import ast
import re
from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles
from local_workspace.notebook_files import Notebook

URI = re.compile(r"models:/[^@]+/\{(\w+)\}")
BESIDE = ("load_model", "spark_udf", "predict")


def only_score_batch_scores(bundle: BundleFiles) -> Iterator[str]:
    """It looks features up as the training did."""
    for notebook in bundle.notebooks:
        if notebook.scores and not notebook.ending(".score_batch"):
            yield f"{notebook.at(1)}: it does not score; call FeatureEngineeringClient().score_batch"
        for call in notebook.calls if notebook.scores else []:
            if call.name.rpartition(".")[2] in BESIDE:
                yield f"{call.at}: {call.name} does not look features up; score by score_batch alone"


def the_version_that_scores_is_the_champion(bundle: BundleFiles) -> Iterator[str]:
    """The alias is resolved once, to a version: it may move while the notebook runs."""
    for notebook in bundle.notebooks:
        for call in notebook.ending(".score_batch"):
            uri = notebook.text_of(call.argument("model_uri"))
            version = URI.fullmatch(uri)
            if not version or not comes_from_champion(notebook, version[1]):
                yield (
                    f"{call.at}: {uri or 'this model'} is not the version of alias champion, resolved once; "
                    'write f"models:/{registered_model}/{version}" with that version'
                )


def comes_from_champion(notebook: Notebook, name: str, depth: int = 4) -> bool:
    """Whether every value of a name reads the alias, itself or by other names and what functions return."""
    values = list(notebook.assigned.get(name, []))
    if name in notebook.definitions:
        nodes = ast.walk(notebook.definitions[name])
        values += [node.value for node in nodes if isinstance(node, ast.Return) and node.value]
    for value in values:
        nodes = list(ast.walk(value))
        read = any(isinstance(node, ast.Constant) and node.value == "champion" for node in nodes)
        names = [node.id for node in nodes if isinstance(node, ast.Name)] if depth else []
        if not read and not any(comes_from_champion(notebook, other, depth - 1) for other in names):
            return False
    return bool(values)


RULES = (only_score_batch_scores, the_version_that_scores_is_the_champion)
