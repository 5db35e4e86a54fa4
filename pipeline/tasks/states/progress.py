"""How a task says how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from pipeline.tasks.states.status import Progress

__all__ = ["report_progress", "reporter"]

#: The longest note, in characters; what is longer is cut.
LONGEST_NOTE = 500

#: Takes what the call that runs here reports; callable in any thread.
reporter: ContextVar[Callable[[Progress], None] | None] = ContextVar(
    "pipeline_task_progress", default=None
)


def report_progress(done: float, total: float | None = None, note: str = "") -> None:
    """Say how far the task that runs here has come. Cheap: call it as often as you like.

    It is seen in the call's status, a few times a second; of what is reported in between, the last
    counts. To be called in the task itself: in the reactor, a thread or a process.

    :param done: how much is done, in units of your own.
    :param total: of how much; None: nobody knows.
    :param note: what it does now, in words.
    :raise RuntimeError: no task runs here.
    """
    report = reporter.get()
    if report is None:
        raise RuntimeError("report_progress() is for tasks: no task runs here")
    report(Progress(done, total, note[:LONGEST_NOTE]))
