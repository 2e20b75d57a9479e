"""What the terminal shows: each task as it ends; at the close what failed, the totals, where to look."""

import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from local_workspace.jobs import JobRun, TaskRun

WIDTH = 140


class Report:
    """Writes to `stream`, the terminal if none is given."""

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream or sys.stdout
        self._begin = time.monotonic()
        self._tasks: list[TaskRun] = []
        self._depth = 0

    def line(self, text: str = "") -> None:
        print(text, file=self._stream, flush=True)

    def job_begins(self, run: "JobRun") -> None:
        self.line(f"{'  ' * self._depth}{run.key}")
        self._depth += 1

    def task_ends(self, task: "TaskRun") -> None:
        self._tasks.append(task)
        indent = "  " * self._depth
        begin = f"{indent}{task.key:<32} {task.seconds:6.1f} s  "
        self.line(textwrap.fill(task.status, WIDTH, initial_indent=begin, subsequent_indent=f"{indent}  "))

    def job_ends(self, run: "JobRun") -> None:
        self._depth -= 1

    def close(self, state: Path) -> None:
        """Each failure with its reason and its log, the totals, and where to look."""
        if not self._tasks:
            return
        failed = [task for task in self._tasks if task.status.startswith("FAILED")]
        self.line()
        for task in failed:
            self.line(f"{task.key}  {task.status}")
            if task.log:
                self.line(f"  {task.log}")
        seconds = time.monotonic() - self._begin
        self.line(f"{len(self._tasks)} tasks, {len(failed)} failed, {seconds:.0f} seconds in all")
        scored = [task for task in self._tasks if task.key.startswith("score_")]
        if scored:
            successful = [task for task in scored if task.status == "SUCCESS"]
            self.line(f"{len(successful)} of {len(scored)} models scored")
        mlflow_ui = f"uv run mlflow ui --backend-store-uri sqlite:///{state}/mlflow.db"
        self.line(f"Runs, metrics and models: {mlflow_ui}")
        self.line(f"Tables, predictions among them: {state}/warehouse")
        self.line(f"Logs: {state}/logs")
