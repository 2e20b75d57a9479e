"""What the terminal shows: each task as it ends, and a table at the close."""

import sys
import time

REASON_WIDTH = 100


class Report:
    def __init__(self, stream=None):
        self._stream = stream or sys.stdout
        self._begin = time.monotonic()
        self._runs = []
        self._depth = 0

    def line(self, text: str = "") -> None:
        print(text, file=self._stream, flush=True)

    def job_begins(self, run) -> None:
        self.line(f"{self._indent()}{run.key}")
        self._depth += 1

    def task_ends(self, task) -> None:
        self.line(f"{self._indent()}{task.key:<32} {task.seconds:6.1f} s  {_short(task.status)}")

    def job_ends(self, run) -> None:
        self._depth -= 1
        self._runs.append(run)

    def close(self, where: list) -> None:
        """The table of all tasks, and where to look next."""
        rows = [(run.key, task) for run in self._runs for task in run.tasks]
        if not rows:
            return
        jobs = max(len(job) for job, _ in rows)
        tasks = max(len(task.key) for _, task in rows)
        self.line()
        self.line(f"{'job':<{jobs}}  {'task':<{tasks}}  {'seconds':>7}  status")
        for job, task in rows:
            status = _short(task.status)
            self.line(f"{job:<{jobs}}  {task.key:<{tasks}}  {task.seconds:7.1f}  {status}")
        failed = [task for _, task in rows if (task.status).startswith("FAILED")]
        self.line()
        self.line(
            f"{len(rows)} tasks, {len(failed)} failed, {time.monotonic() - self._begin:.0f} seconds in all"
        )
        for task in failed:
            if task.log:
                self.line(f"  {task.key}: {task.log}")
        for text in where:
            self.line(text)

    def _indent(self) -> str:
        return "  " * self._depth


def _short(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= REASON_WIDTH else first[: REASON_WIDTH - 1] + "…"
