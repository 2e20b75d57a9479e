"""Refuses jobs that install more than packages of an index: all tasks share the packages of uv.lock."""

import re
from collections.abc import Iterable, Iterator

from local_workspace.bundle.yaml_files import Mapping, texts
from local_workspace.errors import BundleError

REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w.,\s-]*\])?\s*([<>=!~;].*)?")


def refuse_own_packages(jobs: dict[str, Mapping], keys: Iterable[str]) -> None:
    """Raises where one of these jobs, or a job that it runs, installs a wheel, a jar or the like."""
    waiting, seen = list(keys), set()
    while waiting:
        key = waiting.pop(0)
        if key in seen or key not in jobs:
            continue
        seen.add(key)
        for place, item in _own_packages(jobs[key]):
            remedy = "publish it to an index, and pin it here and in pyproject.toml"
            raise BundleError(f"{place}: job {key} installs {item}, which a local run cannot; {remedy}")
        waiting += [task.section("run_job_task").name("job_id") for task in jobs[key].entries("tasks")]


def _own_packages(job: Mapping) -> Iterator[tuple[str, str]]:
    """What a job installs that is no package of an index, each with its file and line."""
    for environment in job.entries("environments"):
        for place, item in texts(environment.section("spec").items_of("dependencies")):
            if not REQUIREMENT.fullmatch(item.strip()) or item.strip().endswith(".whl"):
                yield place, item
    for task in job.entries("tasks"):
        for library in task.entries("libraries"):
            if "pypi" not in library:
                yield next(texts(library), (library.place, "a library"))
