"""What is known when something is logged: the message in hand, its queue, its attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.logger import LogEvent

from pipeline.delivery import Delivery, current

__all__ = ["correlate", "facts_of"]

#: Say more about where an event belongs, as its trace; set when the service is built.
_more: list[Callable[[], Mapping[str, Any]]] = []


def correlate(more: Callable[[], Mapping[str, Any]] | None) -> None:
    """Have this asked too for what an event belongs to; None: nothing."""
    _more[:] = [] if more is None else [more]


def facts_of(event: LogEvent) -> dict[str, Any]:
    """What an event belongs to: ``message_id``, ``queue``, ``kind``, ``attempt``, ``worker``,
    ``task`` and ``where``, as far as known.

    To be called while the event is logged, in the same thread: the message is the event's own
    ``delivery``, else the one that the code which logs has in hand.
    """
    facts: dict[str, Any] = {}
    delivery = event.get("delivery")
    if not isinstance(delivery, Delivery):
        delivery = current.get()
    if delivery is not None:
        facts.update(_of_delivery(delivery))
    where = getattr(getattr(event.get("log_failure"), "value", None), "pipeline_where", None)
    if isinstance(where, str):
        facts["where"] = where
    for more in _more:
        facts.update(more())
    return facts


def _of_delivery(delivery: Delivery) -> dict[str, Any]:
    found: dict[str, Any] = {}
    message_id = getattr(delivery.message, "message_id", None)
    if isinstance(message_id, str):
        found["message_id"] = message_id
    found["queue"] = delivery.queue
    if delivery.handler is not None:
        found["worker"], found["kind"] = delivery.handler
    found["attempt"] = delivery.attempt
    task = getattr(delivery.message, "task", None)
    if isinstance(task, str):
        found["task"] = task
    return found
