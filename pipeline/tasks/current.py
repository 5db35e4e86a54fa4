"""The call that runs now, as its task and its middleware see it."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec

__all__ = ["CurrentTask", "current_task", "running"]

#: The longest argument in a description, in characters.
LONGEST = 80


class CurrentTask(msgspec.Struct, kw_only=True):
    """A call of a task that runs, or has just ended. All of it are values, so that it can travel.

    The names behind the first group are redis-tasks', for its middleware.

    :param id: the call's message id; the same in every attempt.
    :param name: the task's name.
    :param args: its positional arguments.
    :param kwargs: its named ones.
    :param attempt: which try this is, from 1.
    :param deaths: how many workers died with it in hand.
    :param queue: the connector that it was sent to.
    :param worker: the name of the worker that runs it.
    :param timeout: seconds that it may run; None: any number.
    :param reentrant: whether it is run again when its worker dies.
    :param enqueued: when it was first sent, in ms since the epoch.
    :param slot: the slot of a schedule that it is for, in ms since the epoch; None: it is for none.
    """

    id: str
    name: str
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    attempt: int = 1
    deaths: int = 0
    queue: str = ""
    worker: str = ""
    timeout: float | None = None
    reentrant: bool = False
    enqueued: int = 0
    slot: int | None = None

    @property
    def func_name(self) -> str:
        """The task's name."""
        return self.name

    @property
    def origin(self) -> str:
        """The connector that it was sent to."""
        return self.queue

    @property
    def is_reentrant(self) -> bool:
        """Whether it is run again when its worker dies."""
        return self.reentrant

    @property
    def enqueued_at(self) -> datetime:
        """When it was first sent, in UTC."""
        return datetime.fromtimestamp(self.enqueued / 1000, UTC)

    @property
    def scheduled_at(self) -> datetime | None:
        """The slot of a schedule that it is for, in UTC; None: it is for none."""
        return None if self.slot is None else datetime.fromtimestamp(self.slot / 1000, UTC)

    @property
    def description(self) -> str:
        """The call as one would write it, long arguments cut."""
        given = [_short(each) for each in self.args]
        given += [f"{name}={_short(each)}" for name, each in self.kwargs.items()]
        return f"{self.name}({', '.join(given)})"


#: The call that the code now running belongs to; also set in the threads of its middleware.
running: ContextVar[CurrentTask | None] = ContextVar("pipeline_task", default=None)


def current_task() -> CurrentTask | None:
    """The call that runs here; None outside of a task and its middleware."""
    return running.get()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
