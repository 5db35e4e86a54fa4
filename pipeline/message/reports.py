"""Messages about messages and components: events, statuses, failures.

Fields and checks are Vumi's (``vumi.message``, ``vumi.transports.failures``).
Import them from :mod:`pipeline.message`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pipeline.errors import MissingMessageField
from pipeline.message.envelope import UNSET, Message, register
from pipeline.message.ids import new_id

__all__ = ["EventMessage", "FailureMessage", "StatusMessage"]


@register
class EventMessage(Message, tag="event"):
    """What became of an outbound message.

    :param user_message_id: the ``message_id`` of the message that this is about; required.
    :param event_type: ``'ack'``, ``'nack'`` or ``'delivery_report'``; required.
    :param sent_message_id: the outside world's id for it; required for an ack.
    :param nack_reason: why it was not sent; required for a nack.
    :param delivery_status: ``'pending'``, ``'failed'`` or ``'delivered'``; required for a report.
    """

    EVENT_TYPES = ("ack", "nack", "delivery_report")
    DELIVERY_STATUSES = frozenset({"pending", "failed", "delivered"})

    REQUIRED: ClassVar[tuple[str, ...]] = ("user_message_id", "event_type")

    event_id: str = msgspec.field(default_factory=new_id)
    user_message_id: str = UNSET
    event_type: str = UNSET
    sent_message_id: str | None = None
    nack_reason: str | None = None
    delivery_status: str | None = None
    transport_name: str | None = None
    transport_type: str | None = None
    transport_metadata: dict[str, Any] = {}

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        self._require()
        self._require_one_of("event_type", self.EVENT_TYPES)
        name = _TOLD_BY[self.event_type]
        if getattr(self, name) is None:
            raise MissingMessageField(f"{self._at(name)} is required for a {self.event_type}")
        if name == "delivery_status":
            self._require_one_of(name, self.DELIVERY_STATUSES)

    def status(self) -> str:
        """What happened in a word: ``'ack'``, ``'nack'`` or as ``'delivery_report.failed'``."""
        if self.event_type == "delivery_report":
            return f"delivery_report.{self.delivery_status}"
        return self.event_type


#: The field that each type of event must have.
_TOLD_BY = {"ack": "sent_message_id", "nack": "nack_reason", "delivery_report": "delivery_status"}


@register
class StatusMessage(Message, tag="status_event"):
    """How a component of a worker feels.

    :param component: which one; required.
    :param status: ``'ok'``, ``'degraded'`` or ``'down'``; required.
    :param type: what happened, as ``'connection_lost'``; required.
    :param message: the same for people; required.
    :param reasons: why, one text each.
    :param details: anything more.
    """

    STATUSES = frozenset({"ok", "degraded", "down"})

    REQUIRED: ClassVar[tuple[str, ...]] = ("component", "status", "type", "message")

    component: str = UNSET
    status: str = UNSET
    type: str = UNSET
    message: str = UNSET
    reasons: list[Any] = []
    details: dict[str, Any] = {}

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        self._require()
        self._require_one_of("status", self.STATUSES)


@register
class FailureMessage(Message, tag="failure"):
    """A message that could not be handled.

    :param message: the payload that failed; required.
    :param failure_code: None, ``'permanent'`` or ``'temporary'``.
    :param reason: the traceback, as text; required.
    """

    FC_UNSPECIFIED = None
    FC_PERMANENT = "permanent"
    FC_TEMPORARY = "temporary"
    FAILURE_CODES = frozenset({FC_UNSPECIFIED, FC_PERMANENT, FC_TEMPORARY})

    REQUIRED: ClassVar[tuple[str, ...]] = ("message", "reason")

    message: Any = UNSET
    failure_code: str | None = None
    reason: str = UNSET

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        self._require()
        self._require_one_of("failure_code", self.FAILURE_CODES)
