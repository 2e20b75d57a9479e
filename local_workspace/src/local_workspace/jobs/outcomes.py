"""What became of a task and of a run: their result states, and what follows for the tasks after them.

Stands for https://docs.databricks.com/aws/en/jobs/run-if and
https://docs.databricks.com/aws/en/jobs/disabled-tasks
"""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_workspace.workspace.tasks import Process, Result

STATUSES = ("SUCCESS", "SKIPPED", "ALERT", "FAILED")  # that a notebook sets; a reason may follow
FAILED = ("failed", "timedout", "canceled", "upstream_failed")
# What a run_if asks of the results of the tasks before, of which one at least is not excluded.
HOLDS: dict[str, Callable[[list[str]], bool]] = {
    "ALL_SUCCESS": lambda results: all(result == "success" for result in results),
    "AT_LEAST_ONE_SUCCESS": lambda results: any(result == "success" for result in results),
    "NONE_FAILED": lambda results: not _any_failed(results) and set(results) != {"disabled"},
    "AT_LEAST_ONE_FAILED": lambda results: _any_failed(results),
    "ALL_FAILED": lambda results: all(result in FAILED for result in results),
    "ALL_DONE": lambda results: True,
}
HANDLES_FAILURES = ("AT_LEAST_ONE_FAILED", "ALL_FAILED")


@dataclass
class TaskRun:
    """One task's outcome.

    `result` is a result_state of the Jobs service; `status` is the one its notebook set or ended with, or
    why it did not run or finish. `outcome` is a condition's, true or false; `executions` counts the tries.
    """

    key: str
    result: str
    status: str
    seconds: float = 0.0
    log: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)
    run_id: int = 0
    executions: int = 0
    outcome: str = ""

    @property
    def failed(self) -> bool:
        return self.result in FAILED

    @property
    def says_failed(self) -> bool:
        """Its notebook did, which fails no run by itself: a task after it has to."""
        return self.result == "success" and self.status.startswith("FAILED")


def not_begun(run_if: str, results: list[str]) -> str:
    """The result of a task that does not begin after tasks with these results; empty if it begins.

    The documentation calls excluded tasks successful, and wants of ALL_SUCCESS that all tasks have run: a
    task after a successful and an excluded one is excluded, so that it fails no run.
    """
    if not results:
        return ""
    if set(results) == {"excluded"}:
        return "excluded"
    if HOLDS[run_if](results):
        return ""
    if set(results) == {"disabled"} or ("disabled" in results and run_if in ("ALL_SUCCESS", "ALL_FAILED")):
        return "disabled"
    return "upstream_failed" if _any_failed(results) and run_if not in HANDLES_FAILURES else "excluded"


def of_job(leaves: list[TaskRun], tasks: list[TaskRun]) -> str:
    """A run's result; `leaves` are the tasks that no other waits for."""
    if any(task.failed for task in leaves):
        return "failed"
    return "success_with_failures" if any(task.failed for task in tasks) else "success"


def of_notebook(key: str, process: Process, answer: Result, memory: int, was_short: bool) -> TaskRun:
    """The outcome of a notebook whose process has answered or ended.

    It had `memory` MB at most; `was_short` says if the machine had too little meanwhile.
    """
    try:
        told = answer.recv()
    except EOFError:
        return TaskRun(key, "failed", f"FAILED: {_death(process, memory, was_short)}")
    values = told["values"]
    if told["error"]:
        return TaskRun(key, "failed", f"FAILED: {told['error']}", values=values)
    status = str(values.get("status") or told["exit"] or "SUCCESS")
    if "status" in values and not status.startswith(STATUSES):
        reason = f"FAILED: its task value status is {status!r}; set one of {', '.join(STATUSES)}"
        return TaskRun(key, "failed", reason, values=values)
    return TaskRun(key, "success", status, values=values)


def _any_failed(results: list[str]) -> bool:
    return any(result in FAILED for result in results)


def _death(process: Process, memory: int, was_short: bool) -> str:
    """Why a notebook's process ended before the notebook did."""
    process.join()
    code = process.exitcode
    assert code is not None  # since it has ended
    if code >= 0:
        return f"its process ended by itself, with exit code {code}"
    name = signal.Signals(-code).name
    had = f" It had {memory} MB of memory." if memory else ""
    lacked = "; the system does this where memory runs out, as it did" if was_short else ""
    lacked = lacked if name == "SIGKILL" else ""
    return f"its process was ended by {name}{lacked}.{had}"
