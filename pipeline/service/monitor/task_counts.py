"""How the calls of tasks end, counted by the signals that tell it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.observe.meter import OTHER, Meter
from pipeline.signals import Signal, task_cancelled, task_failed, task_finished, task_retried

__all__ = ["TaskCounts"]

#: The signals, by what they tell.
_ENDS: dict[str, Signal] = {
    "finished": task_finished,
    "failed": task_failed,
    "retried": task_retried,
    "cancelled": task_cancelled,
}


class TaskCounts:
    """Counts calls by task and end, while it is open.

    :param meter: where they are counted.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._receivers = {end: self._receiver(end) for end in _ENDS}

    def open(self) -> None:
        """Count from now on."""
        for end, signal in _ENDS.items():
            signal.connect(self._receivers[end], weak=False)

    def close(self) -> None:
        """Count no more."""
        for end, signal in _ENDS.items():
            signal.disconnect(self._receivers[end])

    def _receiver(self, end: str) -> Callable[..., None]:
        def count(sender: Any, call: Any, **kwargs: Any) -> None:
            # The name of a task that nobody has is what a message says.
            name = OTHER if isinstance(sender, str) else call.name
            self._meter.counter("pipeline_tasks", call.worker, name, end).value += 1

        return count
