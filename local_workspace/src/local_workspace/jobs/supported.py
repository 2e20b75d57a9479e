"""Refuses, before anything starts, what a local run would do in another way than a workspace.

What a run can leave out and still do the same, such as a schedule or the size of a cluster, is listed here;
any other setting that is not imitated is refused.
"""

import json
import os
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local_workspace.bundle.bundle import Bundle
from local_workspace.bundle.job import Job
from local_workspace.bundle.yaml_files import Mapping, texts
from local_workspace.errors import WorkspaceError
from local_workspace.jobs.outcomes import HOLDS
from local_workspace.jobs.references import found_in, lost, only_elsewhere
from local_workspace.jobs.task_kinds import KINDS, OPERATORS
from local_workspace.notebooks.cells import check_notebook

NOTICES = {"email_notifications", "webhook_notifications", "notification_settings", "health", "description"}
JOB = NOTICES | {
    *("name", "tags", "parameters", "tasks", "timeout_seconds", "environments", "job_clusters", "lifecycle"),
    *("schedule", "trigger", "triggers", "continuous", "queue", "max_concurrent_runs", "performance_target"),
    *("permissions", "run_as", "budget_policy_id", "usage_policy_id", "duration_target", "parent_path"),
    *("git_source", "environment_variables"),  # of which a task says if it uses them
}
CLUSTER = {"job_cluster_key", "existing_cluster_id", "new_cluster", "compute", "libraries", "environment_key"}
TASK = {
    *NOTICES,
    *CLUSTER,
    *("task_key", "depends_on", "run_if", "disabled", "timeout_seconds", "disable_auto_optimization"),
    *("max_retries", "min_retry_interval_millis", "retry_on_timeout", *KINDS),
}
OF_A_KIND = {  # what it needs, and what else it may have
    "notebook_task": ({"notebook_path"}, {"base_parameters", "source"}),
    "run_job_task": ({"job_id"}, {"job_parameters"}),
    "condition_task": ({"left", "op", "right"}, set()),
    "for_each_task": ({"inputs", "task"}, {"concurrency"}),
}
LEAVE_OUT = "leave this task out by --task"
OF_A_CLUSTER = {"spark_env_vars", "init_scripts", "docker_image"}  # would change what a notebook finds


def check(bundle: Bundle, job_keys: list[str], only: list[str] | None = None) -> None:
    """Raises WorkspaceError with the first thing that these jobs, or some tasks of them, do not get here."""
    for problem in problems(bundle, job_keys, only):
        raise WorkspaceError(problem)


def problems(bundle: Bundle, job_keys: list[str], only: list[str] | None = None) -> Iterator[str]:
    """A sentence for each: file and line, job, task, what is wrong, the remedy."""
    for key in job_keys:
        yield from _of_job(bundle, key, only, ())


def _of_job(bundle: Bundle, key: str, only: list[str] | None, callers: tuple[str, ...]) -> Iterator[str]:
    job = Job(key, bundle.target, bundle.jobs[key])
    for setting in _beyond(JOB, job.settings):
        yield f"{job.settings.at(setting)}: job {key}: a local run does not imitate {setting}; remove it"
    for place, text in texts(job.settings.items_of("parameters")):
        for reference in found_in(text):
            if only_elsewhere(reference) or not reference.startswith("job.") or lost(reference, (), (), ()):
                problem = "has no value when a run begins; correct it, or give it to the tasks"
                yield f"{place}: job {key}: {{{{{reference}}}}} {problem}"
    for task in job.tasks:
        if not only or task.name("task_key") in only:
            yield from _Check(bundle, job, task, (*callers, key)).problems()


@dataclass
class _Check:
    """Of one task; `callers` are the jobs that lead to it, its own at last."""

    bundle: Bundle
    job: Job
    task: Mapping
    callers: tuple[str, ...]
    in_a_loop: bool = False

    def problems(self) -> Iterator[str]:
        kinds = [name for name in self.task if name.endswith("_task")]
        if len(kinds) != 1 or kinds[0] not in KINDS:
            what = " with ".join(kinds) or "task without a type"
            yield self._say(f"a local run has no {what}, only {', '.join(KINDS)}; {LEAVE_OUT}", *kinds[:1])
            return
        (kind,) = kinds
        settings, (needed, possible) = self.task.section(kind), OF_A_KIND[kind]
        for setting in _beyond(TASK, self.task):
            yield self._say(f"a local run does not imitate {setting}; remove it, or {LEAVE_OUT}", setting)
        for setting in _beyond(needed | possible, settings):
            problem = f"a local run does not imitate {setting} of {kind}; remove it, or {LEAVE_OUT}"
            yield self._say(problem, kind, setting)
        for setting in _beyond(settings, sorted(needed)):
            yield self._say(f"{kind} has no {setting}; add it", kind)
        if not needed <= settings.keys():
            return
        yield from self._order()
        yield from self._cluster()
        yield from self._references()
        yield from getattr(self, f"_{kind}")(settings)

    def _say(self, text: str, *path: str) -> str:
        return f"{self.task.at(*path)}: job {self.job.key}, task {self.task.name('task_key')}: {text}"

    def _order(self) -> Iterator[str]:
        task, conditions = self.task, {t.name("task_key") for t in self.job.tasks if "condition_task" in t}
        for need in task.entries("depends_on"):
            other, outcome = need.name("task_key"), need.name("outcome").lower()
            if other not in self.job.keys:
                yield self._say(f"it waits for {other}, no task of the job; correct depends_on", "depends_on")
            elif outcome and (other not in conditions or outcome not in ("true", "false")):
                remedy = "write true or false" if other in conditions else "remove outcome"
                yield self._say(f"{other} has no outcome {outcome}; {remedy}", "depends_on")
        if task.name("task_key") in self.job.before(task):
            yield self._say("it waits for itself in the end; correct depends_on", "depends_on")
        if task.get("run_if", "ALL_SUCCESS") not in HOLDS:
            yield self._say(f"run_if is {task['run_if']}; write one of {', '.join(HOLDS)}", "run_if")

    def _cluster(self) -> Iterator[str]:
        shared = {entry.name("job_cluster_key"): entry for entry in self.job.settings.entries("job_clusters")}
        entries = (self.task, shared.get(self.task.name("job_cluster_key"), Mapping()))
        for cluster in (entry.section("new_cluster") for entry in entries):
            for setting in OF_A_CLUSTER.intersection(cluster):
                problem = f"a local run does not imitate {setting} of a cluster; remove it, or {LEAVE_OUT}"
                yield self._say(problem, "new_cluster", setting)

    def _references(self) -> Iterator[str]:
        """Of the task itself: one in a for_each_task is checked by itself."""
        repeated = set(texts(self.task.section("for_each_task", "task")))
        for place, text in texts(self.task):
            for reference in found_in(text) if (place, text) not in repeated else ():
                problem = lost(reference, self.job.parameters, self.job.keys, self.job.before(self.task))
                if only_elsewhere(reference):
                    problem = "has no value in a local run; give the task a text in its place"
                elif reference.split(".")[0] == "input" and not self.in_a_loop:
                    problem = "stands in no task of a for_each_task; correct it"
                if problem:
                    begin = f"{place}: job {self.job.key}, task {self.task.name('task_key')}"
                    yield f"{begin}: {{{{{reference}}}}} {problem}"

    def _notebook_task(self, settings: Mapping) -> Iterator[str]:
        path = self.bundle.files[self.job.key].parent / settings.name("notebook_path")
        source = settings.get("source", "GIT" if self.job.settings.get("git_source") else "WORKSPACE")
        if source != "WORKSPACE":
            problem = "its notebook comes from Git, which a local run does not fetch; write source: WORKSPACE"
            yield self._say(problem, "notebook_task", "source")
        elif not path.is_file():
            problem = f"there is no notebook {settings.name('notebook_path')}; correct notebook_path"
            yield self._say(problem, "notebook_task", "notebook_path")
        else:
            yield from check_notebook(Path(os.path.relpath(path)))

    def _run_job_task(self, settings: Mapping) -> Iterator[str]:
        called, jobs = settings.name("job_id"), self.bundle.jobs
        problem = ""
        if called in self.callers:
            problem = f"it runs {called}, so that this never ends; remove it"
        elif called not in jobs:
            problem = f"it runs {called}, no job of this target; correct it, it has {', '.join(jobs)}"
        elif not jobs[called].get("tasks"):
            problem = f"it runs {called}, which has no tasks; add some"
        if problem:
            yield self._say(problem, "run_job_task", "job_id")
        else:
            yield from _of_job(self.bundle, called, None, self.callers)

    def _condition_task(self, settings: Mapping) -> Iterator[str]:
        if settings["op"] not in OPERATORS:
            problem = f"op is {settings['op']}; write one of {', '.join(OPERATORS)}"
            yield self._say(problem, "condition_task", "op")
        yield from self._no_retries("remove it")

    def _for_each_task(self, settings: Mapping) -> Iterator[str]:
        inputs, nested = settings.name("inputs"), settings.section("task")
        if "{{" not in inputs and not _is_array(inputs):
            problem = f"inputs are {inputs[:200]}, no JSON array; write them as '[1, 2]'"
            yield self._say(problem, "for_each_task", "inputs")
        if "notebook_task" in nested:
            yield from _Check(self.bundle, self.job, nested, self.callers, in_a_loop=True).problems()
        else:
            yield self._say(f"a local run repeats notebook_task alone; {LEAVE_OUT}", "for_each_task", "task")
        yield from self._no_retries("give it to the task within")

    def _no_retries(self, remedy: str) -> Iterator[str]:
        if str(self.task.get("max_retries", 0)) != "0":
            yield self._say(f"max_retries is for other tasks; {remedy}", "max_retries")


def _beyond(known: Container[str], settings: Iterable[str]) -> list[str]:
    return [setting for setting in settings if setting not in known]


def _is_array(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False
