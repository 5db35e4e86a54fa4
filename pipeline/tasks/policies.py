"""Whether, and when, a call that failed is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.message import TaskMessage
from pipeline.outcome import RetryPolicy
from pipeline.tasks.options import known_overrides
from pipeline.tasks.registry import Task

__all__ = ["Policies"]


class Policies:
    """What a call says of its retries goes before what its task says, and that before the worker.

    :param tasks: the tasks, by name.
    :param of_worker: what the worker says.
    """

    def __init__(self, tasks: Mapping[str, Task[Any, Any]], of_worker: RetryPolicy) -> None:
        self._of_worker = of_worker
        self._of_tasks = {name: self._of_task(task) for name, task in tasks.items()}

    def of(self, message: Any) -> RetryPolicy | None:
        """The policy of a call; None if neither it nor its task says anything."""
        if not isinstance(message, TaskMessage):
            return None
        policy = self._of_tasks.get(message.task)
        own = known_overrides(message).retries
        return policy if own is None else replace(policy or self._of_worker, attempts=own + 1)

    def _of_task(self, task: Task[Any, Any]) -> RetryPolicy | None:
        own: dict[str, Any] = {}
        if task.retries is not None:
            own["attempts"] = int(task.retries) + 1
        if task.backoff is not None:
            own["base"] = float(task.backoff)
        return replace(self._of_worker, **own) if own else None
