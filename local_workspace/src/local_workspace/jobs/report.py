"""What the terminal shows: tasks as they run and end; at the close what failed, the totals, where to look."""

import sys
import textwrap
import time
from pathlib import Path
from typing import NoReturn, TextIO

from tqdm import tqdm

from local_workspace.jobs.outcomes import TaskRun

WIDTH, SHOWN = 140, 400
tqdm.monitor_interval = 0  # no thread beside; `tick` refreshes


class Report:
    """Writes to `stream`, the terminal if none is given; a terminal also shows how long each task runs."""

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream or sys.stdout
        self._begin = time.monotonic()
        self._tasks: list[TaskRun] = []
        self._running: dict[object, tuple[str, float]] = {}  # each notebook's task, and when it began
        self._lines: list[tqdm[NoReturn]] = []

    @property
    def unheard(self) -> list[TaskRun]:
        """Tasks whose notebooks say FAILED: without their job's last task, no run fails by that."""
        return [task for task in self._tasks if task.says_failed]

    def line(self, text: str = "") -> None:
        tqdm.write(text, file=self._stream)  # above what runs
        self._stream.flush()

    def runs(self, notebook: object, key: str) -> None:
        """From now on, until `ran`, a terminal has a line for this notebook."""
        self._running[notebook] = (key, time.monotonic())
        self._show()

    def ran(self, notebook: object) -> None:
        del self._running[notebook]
        self._show()

    def tick(self) -> None:
        """Shows the seconds that have gone by."""
        for line, (key, begin) in zip(self._lines, self._running.values(), strict=True):
            line.set_description_str(f"  {key:<32} {time.monotonic() - begin:6.0f} s  ...")

    def _show(self) -> None:
        for line in reversed(self._lines):  # the first puts the cursor where it was
            line.close()
        self._lines = [
            tqdm(position=number, file=self._stream, bar_format="{desc}", leave=False, disable=None)
            for number in range(len(self._running))
        ]
        self.tick()

    def job_begins(self, key: str, depth: int) -> None:
        self.line(f"{'  ' * depth}{key}")

    def task_ends(self, task: TaskRun, depth: int) -> None:
        self._tasks.append(task)
        self._task_line(task, task.status, depth)

    def task_is_tried_again(self, task: TaskRun, depth: int) -> None:
        self._task_line(task, f"{task.status}; it is tried again", depth)

    def job_ends(self, key: str, depth: int, result: str) -> None:
        if result == "success_with_failures":
            self.line(f"{'  ' * depth}{key} is successful with failures: no task is last that failed")

    def _task_line(self, task: TaskRun, status: str, depth: int) -> None:
        indent = "  " * depth
        status = textwrap.shorten(status, SHOWN, placeholder=" ...")  # all of it comes at the close
        begin = f"{indent}{task.key:<32} {task.seconds:6.1f} s  "
        self.line(textwrap.fill(status, WIDTH, initial_indent=begin, subsequent_indent=f"{indent}  "))

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
            successful = [task for task in scored if task.status.startswith("SUCCESS")]
            self.line(f"{len(successful)} of {len(scored)} models scored")
        mlflow_ui = f"uv run mlflow ui --backend-store-uri sqlite:///{state}/mlflow.db"
        self.line(f"Runs, metrics and models: {mlflow_ui}")
        self.line(f"Tables, predictions among them: {state}/warehouse")
        self.line(f"Logs: {state}/logs")
