"""Features and models of a domain belong together: who waits for whom, and what is no feature.

A domain's features are made by a task with a notebook in `features/`; its models are trained by
notebooks whose DOMAIN it is, and scored by tasks whose parameter `domain` it is.
"""

from collections.abc import Iterator

from local_workspace.bundle.job import Job, parameters
from local_workspace.bundle.yaml_files import Mapping
from local_workspace.rules.bundle_files import BundleFiles


def _features_tasks(bundle: BundleFiles) -> list[tuple[Job, Mapping, str]]:
    """The tasks that make features, each with its domain."""
    tasks = [(job, task) for job, task, notebook in bundle.notebook_tasks if "/features/" in notebook.name]
    return [(job, task, parameters(task).name("domain")) for job, task in tasks]


def every_model_is_told_the_status_of_its_features(bundle: BundleFiles) -> Iterator[str]:
    """A features task that FAILED is a successful task to Databricks, so the next one begins.

    The status names the task to wait for. A model waits for no other domain, whose failure is not its own.
    """
    features = _features_tasks(bundle)
    for job, task, notebook in bundle.notebook_tasks:
        given = notebook.literal("DOMAIN", "") if notebook.trains else parameters(task).get("domain", "")
        domain, key = str(given), task.name("task_key")
        if not (notebook.trains or notebook.scores) or not domain or "{" in domain:  # as {{input.domain}} has
            continue
        makers = {maker.name("task_key"): made for other, maker, made in features if other is job}
        told = "".join(parameters(task).name("features_status").split())
        statuses = [f"{{{{tasks.{maker}.values.status}}}}" for maker in makers if makers[maker] == domain]
        if told not in statuses:
            place = task.at("notebook_task", "base_parameters", "features_status")
            write = f'write features_status: "{" or ".join(statuses)}"'
            remedy = write if statuses else f"add a task with domain: {domain}"
            yield f"{place}: features_status of {key} is {told or 'missing'}; {remedy}"
        before = job.before(task)
        for maker in makers:
            if maker in before and makers[maker] != domain:
                problem = f"{key} of domain {domain} waits for {maker}, so it fails with that"
                yield f"{task.at('depends_on')}: {problem}; remove it from depends_on"


def no_label_is_among_the_features(bundle: BundleFiles) -> Iterator[str]:
    """The features task leaves out the columns that it is given as labels."""
    for notebook in bundle.training_notebooks:
        domain, label = notebook.literal("DOMAIN", ...), notebook.literal("LABEL", ...)
        for name, value in (("DOMAIN", domain), ("LABEL", label)):
            if value is ...:
                yield f"{notebook.line_of(name)}: {name} is no plain text at module level; write it as such"
        makers = [task for _, task, made in _features_tasks(bundle) if made == domain]
        if not makers and domain is not ...:
            problem = f"no task makes the features of {domain}"
            yield f"{notebook.line_of('DOMAIN')}: {problem}; correct it, or add a task to resources/ml"
        for task in makers if label not in (None, ...) else []:
            labels = parameters(task).name("labels").split(",")
            if label not in [text.partition(":")[0].strip() for text in labels]:
                problem = f"{label} is no label of {domain}, so it would be a feature"
                yield f"{notebook.line_of('LABEL')}: {problem}; add it in {_place_of_labels(bundle, task)}"


def _place_of_labels(bundle: BundleFiles, task: Mapping) -> str:
    """Where the labels of a features task are written: in the variable, or in the task itself."""
    domain, variables = parameters(task).name("domain"), bundle.yaml.config.section("variables")
    if variables.section("labels", "default").get(domain) == parameters(task).get("labels"):
        return variables.at("labels", "default", domain)
    return task.at("notebook_task", "base_parameters", "labels")
