"""Makes the message of a call, as who sends it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.message import TaskMessage
from pipeline.tasks.admission import EXPIRES
from pipeline.tasks.options import OVERRIDES, SendOptions

if TYPE_CHECKING:
    from pipeline.tasks.registry import Task

__all__ = ["apply", "call_of", "limit_wait"]


def call_of(
    task: Task[Any, Any], args: list[Any], kwargs: dict[str, Any], instance: str | None
) -> TaskMessage:
    """A call.

    :param args: positional arguments, as they travel; ``kwargs`` the named ones.
    :param instance: who waits for its result; None: nobody.
    """
    message = TaskMessage(
        task=task.name,
        args=args,
        kwargs=kwargs,
        transport_name=task.queue,
        transport_type="task",
    )
    if instance is not None:
        message.reply_to = instance
        message.transport_metadata = {"reply_instance": instance}
    return message


def apply(options: SendOptions, message: TaskMessage) -> None:
    """Put what was said of one call on it."""
    if options.key is not None:
        message.from_addr = options.key
    if options.overrides:
        message.helper_metadata = {**message.helper_metadata, OVERRIDES: options.overrides}


def limit_wait(message: TaskMessage, ttl: float | None, due: float) -> None:
    """Have it expire if it has not begun so many seconds after it is due; None: it never does."""
    if ttl is not None:
        message.extra[EXPIRES] = due + ttl
