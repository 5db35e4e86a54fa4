"""What is known of a call, as values."""

from __future__ import annotations

import msgspec

__all__ = ["FINAL", "STATES", "AbortedRun", "Progress", "TaskStatus"]

#: The states that a call ends in.
FINAL = ("finished", "failed", "cancelled")

#: All states of a call.
STATES = ("queued", "running", "retrying", *FINAL)


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How far a call has come.

    :param done: how much is done, in units of the task's own.
    :param total: of how much; None: nobody knows.
    :param note: what it does now, in words.
    """

    done: float
    total: float | None = None
    note: str = ""


class AbortedRun(msgspec.Struct, frozen=True, array_like=True):
    """A run that was broken off, after which the call was queued again.

    :param started_at: seconds since the epoch; None: nobody knows.
    :param worker: who ran it.
    :param why: as "the worker stops", or "Worker died".
    """

    started_at: float | None
    worker: str
    why: str


class TaskStatus(msgspec.Struct, kw_only=True):
    """What is known of a call. Times are in seconds since the epoch; None: not yet.

    :param id: the call's message id.
    :param task: the task's name.
    :param queue: the connector that it was sent to.
    :param state: ``queued``, ``running``, ``retrying`` (it has failed, and will be tried again),
        ``finished``, ``failed`` or ``cancelled``.
    :param queued_at: when it was first sent.
    :param due_at: before when it won't run, if it was delayed or is retried.
    :param started_at: when the last run began; None also if that was too short to be noted and has
        not ended for good.
    :param ended_at: when it ended for good.
    :param attempts: which try it is at, from 1; 0 before the first.
    :param worker: who ran it last.
    :param progress: what it has reported last.
    :param error: the last one, its class and text.
    :param aborted_runs: runs that were broken off by an end of their worker.
    """

    id: str
    task: str
    queue: str
    state: str
    queued_at: float
    due_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    attempts: int = 0
    worker: str = ""
    progress: Progress | None = None
    error: str | None = None
    aborted_runs: list[AbortedRun] = []

    @property
    def is_final(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in FINAL
