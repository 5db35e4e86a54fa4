"""A call that runs here, as its state is kept."""

from __future__ import annotations

from typing import Any

from pipeline.tasks.states.records import Record, RunRecord
from pipeline.tasks.states.status import Progress

__all__ = ["Tracked"]


class Tracked:
    """One run of a call.

    :param task: the task.
    :param call: the :class:`pipeline.tasks.current.CurrentTask`.
    :param delivery: the call's delivery.
    :param at: when the run began, in seconds since the epoch.
    :param changed: told this when something is to be noted; called in any thread.
    :ivar is_noted: whether the store was told that it runs.
    """

    __slots__ = ("call", "changed", "is_noted", "partition", "progress", "started_at", "task")

    def __init__(self, task: Any, call: Any, delivery: Any, at: float, changed: Any) -> None:
        self.task = task
        self.call = call
        self.partition: int = delivery.partition
        self.started_at = at
        self.progress: Progress | None = None
        self.is_noted = False
        self.changed = changed

    def report(self, progress: Progress) -> None:
        """Take what the task reports."""
        self.progress = progress
        self.changed(self)

    @property
    def had_runs(self) -> bool:
        """Whether something may have been noted about this run or earlier ones."""
        return self.is_noted or self.call.attempt > 1 or self.call.deaths > 0

    def run(self) -> RunRecord:
        """What is noted while it runs."""
        call = self.call
        return RunRecord(call.attempt, call.worker, self.started_at, self.progress)

    def record(self, state: str) -> Record:
        """What is kept of it from now on."""
        call = self.call
        return Record(
            state,
            call.name,
            call.queue,
            call.enqueued / 1000,
            call.attempt,
            None,
            self.started_at,
            None,
            call.worker,
            self.progress,
        )
