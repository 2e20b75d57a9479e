"""Features and models of a domain belong together: who waits for whom, and what is no feature.

A domain's features are made by a task with a notebook in `features/`; its models are trained by
notebooks whose DOMAIN it is, and scored by tasks whose parameter `domain` it is.
"""

from collections.abc import Iterator

from local_workspace.bundle_files import BundleFiles, Job, parameters
from local_workspace.notebook_files import Notebook
from local_workspace.yaml_files import Mapping

NO_TEXT = "is not plain text at module level; write it as such"


def features_tasks(bundle: BundleFiles) -> Iterator[tuple[Job, Mapping]]:
    for job, task, notebook in bundle.notebook_tasks:
        if "/features/" in notebook.name:
            yield job, task


def features_keys(bundle: BundleFiles, job: Job) -> dict[str, str]:
    """The features tasks of a job: the domain by the task's key."""
    found = [task for other, task in features_tasks(bundle) if other is job]
    return {task.name("task_key"): str(parameters(task).get("domain")) for task in found}


def domain_of(task: Mapping, notebook: Notebook) -> str:
    """The domain of the model that a task trains or scores; empty if it does neither."""
    given = notebook.literal("DOMAIN", "") if notebook.trains else parameters(task).get("domain", "")
    known = (notebook.trains or notebook.scores) and "{" not in str(given)  # as {{input.domain}} has
    return str(given) if known else ""


def every_model_waits_for_the_features_of_its_domain(bundle: BundleFiles) -> Iterator[str]:
    """And for no other domain's, whose failure is none of its own."""
    for job, task, notebook in bundle.notebook_tasks:
        domain, key = domain_of(task, notebook), task.name("task_key")
        if domain:
            makers = features_keys(bundle, job)
            before = job.before(task)
            if domain not in [makers[maker] for maker in makers if maker in before]:
                named = " or ".join(maker for maker in makers if makers[maker] == domain)
                remedy = f"add {named} to depends_on" if named else f"add a task with domain: {domain}"
                yield f"{task.at('depends_on')}: {key} does not wait for the features of {domain}; {remedy}"
            for maker in makers:
                if maker in before and makers[maker] != domain:
                    yield (
                        f"{task.at('depends_on')}: {key} of domain {domain} waits for {maker}, so it fails "
                        "with that; remove it from depends_on"
                    )


def every_model_is_told_the_status_of_its_features(bundle: BundleFiles) -> Iterator[str]:
    """A features task that FAILED is a successful task to Databricks, so the next one begins."""
    for job, task, notebook in bundle.notebook_tasks:
        domain = domain_of(task, notebook)
        for maker, made in features_keys(bundle, job).items() if domain else []:
            given = parameters(task).get("features_status")
            status = f"{{{{tasks.{maker}.values.status}}}}"
            if made == domain and "".join(str(given).split()) != status:
                yield (
                    f"{task.at('notebook_task', 'base_parameters', 'features_status')}: features_status of "
                    f'{task.name("task_key")} is {given or "missing"}; write features_status: "{status}"'
                )


def no_label_is_among_the_features(bundle: BundleFiles) -> Iterator[str]:
    """The features task leaves out the columns that it is given as labels."""
    for notebook in bundle.training_notebooks:
        domain, label = notebook.literal("DOMAIN", ...), notebook.literal("LABEL", ...)
        for name, value in (("DOMAIN", domain), ("LABEL", label)):
            if value is ...:
                yield f"{notebook.line_of(name)}: {name} {NO_TEXT}"
        makers = [task for _, task in features_tasks(bundle) if parameters(task).get("domain") == domain]
        if not makers and domain is not ...:
            yield (
                f"{notebook.line_of('DOMAIN')}: no task makes the features of {domain}; "
                "correct it, or add a task to the jobs in resources/ml"
            )
        for task in makers if label not in (None, ...) else []:
            labels = str(parameters(task).get("labels", "")).split(",")
            if label not in [text.partition(":")[0].strip() for text in labels]:
                yield (
                    f"{notebook.line_of('LABEL')}: {label} is no label of {domain}, so it would be a "
                    f"feature; add it in {place_of_labels(bundle, task)}"
                )


def place_of_labels(bundle: BundleFiles, task: Mapping) -> str:
    """Where the labels of a features task are written: in the variable, or in the task itself."""
    domain, given = parameters(task).name("domain"), parameters(task).get("labels")
    variables = bundle.yaml.config.section("variables")
    if variables.section("labels", "default").get(domain, ...) == given:
        return variables.at("labels", "default", domain)
    return task.at("notebook_task", "base_parameters", "labels")


RULES = (
    every_model_waits_for_the_features_of_its_domain,
    every_model_is_told_the_status_of_its_features,
    no_label_is_among_the_features,
)
