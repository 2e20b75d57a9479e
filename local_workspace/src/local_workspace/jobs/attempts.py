"""One task's tries: when it begins, how long it may take, and if it is tried again.

Stands for `max_retries`, `min_retry_interval_millis`, `retry_on_timeout` and `timeout_seconds` of
https://docs.databricks.com/aws/en/jobs/configure-task
"""

import time
from pathlib import Path

from local_workspace.bundle.yaml_files import Mapping
from local_workspace.jobs.outcomes import TaskRun
from local_workspace.jobs.references import UnresolvedError
from local_workspace.jobs.run_of_a_task import Run
from local_workspace.jobs.task_kinds import Kind, kind_of
from local_workspace.workspace.tasks import Result


class Attempts:
    """A task whose turn has come; `item` has the element that it is for, in a for_each_task."""

    def __init__(self, run: Run, task: Mapping, log: Path, item: tuple[object, ...] = ()):
        self._run, self._task, self._log, self._item = run, task, log, item
        self._kind = kind_of(task)
        self._work: Kind | None = None
        self._count, self._run_id, self._begin = 0, 0, 0.0

    @property
    def answers(self) -> list[Result]:
        return list(self._work.answers) if self._work else []

    def step(self) -> TaskRun | None:
        """Begins a try if it is time for one; the outcome of the last one once it is there."""
        done = self._poll(self._work) if self._work else self._try()
        if done:
            self._work = None
            done.seconds, done.run_id, done.executions = self._seconds(), self._run_id, self._count
            if self._is_tried_again(done):
                self._run.report_retry(done)
                done = None
        return done

    def end(self) -> None:
        """Kills what runs."""
        if self._work:
            self._work.end()

    def _try(self) -> TaskRun | None:
        """Begins the next try, unless something has to be waited for."""
        pause = int(self._task.get("min_retry_interval_millis", 0)) / 1000
        if (self._count and self._seconds() < pause) or not self._kind.may_begin(self._run, self._task):
            return None
        self._count, self._run_id, self._begin = self._count + 1, self._run.jobs.new_id(), time.monotonic()
        log = self._log if self._count == 1 else self._log.with_suffix(f".try{self._count}.log")
        values = self._run.values(self._task["task_key"], self._run_id, self._count, self._item)
        try:
            self._work = self._kind(self._run, self._task, values, log)
        except UnresolvedError as error:
            return TaskRun(self._task["task_key"], "failed", f"FAILED: {error}")
        return self._poll(self._work)

    def _poll(self, work: Kind) -> TaskRun | None:
        done, limit = work.poll(), int(self._task.get("timeout_seconds", 0))
        if not done and limit and self._seconds() > limit:
            work.end()
            log = getattr(work, "log", None)
            return TaskRun(self._task["task_key"], "timedout", f"FAILED: ran longer than {limit} s", log=log)
        return done

    def _is_tried_again(self, done: TaskRun) -> bool:
        on_timeout = str(self._task.get("retry_on_timeout", False)).lower() == "true"
        retries = int(self._task.get("max_retries", 0))  # -1 is without end
        fits = done.result == "failed" or (done.result == "timedout" and on_timeout)
        return fits and (retries < 0 or self._count <= retries)

    def _seconds(self) -> float:
        return time.monotonic() - self._begin
