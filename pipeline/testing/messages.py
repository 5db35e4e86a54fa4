"""Messages of every kind for tests, with sensible values where a test says nothing."""

from __future__ import annotations

from typing import Any, TypeVar

from pipeline.message import (
    EventMessage,
    FailureMessage,
    Message,
    ResultMessage,
    StatusMessage,
    TaskMessage,
    UserMessage,
)
from pipeline.message.envelope import make

__all__ = ["MessageHelper"]

M = TypeVar("M", bound=Message)


class MessageHelper:
    """Makes messages. The methods are those of Vumi's helper of this name (0.6.19), and more.

    Every method takes further fields of the message by name, and ``endpoint``, the endpoint that it
    is for. A name that is no field goes to ``extra``.

    :param transport_name: the transport that messages come through.
    :param transport_type: of which kind that is.
    :param mobile_addr: the user's address.
    :param transport_addr: the address that the user writes to.
    """

    def __init__(
        self,
        transport_name: str = "sms",
        transport_type: str = "sms",
        mobile_addr: str = "+41791234567",
        transport_addr: str = "9292",
    ) -> None:
        self.transport_name = transport_name
        self.transport_type = transport_type
        self.mobile_addr = mobile_addr
        self.transport_addr = transport_addr

    def make_inbound(self, content: str | None = "hello", **fields: Any) -> UserMessage:
        """A message from the user."""
        addresses = {"from_addr": self.mobile_addr, "to_addr": self.transport_addr}
        return self._user_message(content, {**addresses, **fields})

    def make_outbound(self, content: str | None = "hello", **fields: Any) -> UserMessage:
        """A message to the user."""
        addresses = {"from_addr": self.transport_addr, "to_addr": self.mobile_addr}
        return self._user_message(content, {**addresses, **fields})

    def make_user_message(
        self, content: str | None, from_addr: str | None, to_addr: str | None, **fields: Any
    ) -> UserMessage:
        """A message from anybody to anybody."""
        return self._user_message(content, {"from_addr": from_addr, "to_addr": to_addr, **fields})

    def make_reply(
        self, message: UserMessage, content: str | None = "hello", **fields: Any
    ) -> UserMessage:
        """An answer; ``fields`` are those of :meth:`pipeline.message.UserMessage.reply`."""
        return message.reply(content, **fields)

    def make_event(self, event_type: str, user_message_id: str, **fields: Any) -> EventMessage:
        """An event about the message with this id."""
        given = {"event_type": event_type, "user_message_id": user_message_id}
        transport = {"transport_name": self.transport_name, "transport_type": self.transport_type}
        return _made(EventMessage, {**transport, **given, **fields})

    def make_ack(self, message: UserMessage | None = None, **fields: Any) -> EventMessage:
        """The world has accepted a message, under the message's own id if no other is given."""
        about = message or self.make_outbound()
        fields.setdefault("sent_message_id", about.message_id)
        return self.make_event("ack", about.message_id, **fields)

    def make_nack(self, message: UserMessage | None = None, **fields: Any) -> EventMessage:
        """The world has not accepted a message."""
        about = message or self.make_outbound()
        fields.setdefault("nack_reason", "sunspots")
        return self.make_event("nack", about.message_id, **fields)

    def make_delivery_report(
        self, message: UserMessage | None = None, **fields: Any
    ) -> EventMessage:
        """A message has come so far; to its end, if nothing else is given."""
        about = message or self.make_outbound()
        fields.setdefault("delivery_status", "delivered")
        return self.make_event("delivery_report", about.message_id, **fields)

    def make_status(self, status: str = "ok", **fields: Any) -> StatusMessage:
        """A component feels so."""
        told = {"component": "connection", "type": "test", "message": "as a test wants it"}
        return _made(StatusMessage, {**told, "status": status, **fields})

    def make_failure(
        self,
        message: Message | None = None,
        failure_code: str | None = None,
        reason: str = "Traceback of a test",
        **fields: Any,
    ) -> FailureMessage:
        """A message has failed for good."""
        failed = (message or self.make_outbound()).payload
        given = {"message": failed, "failure_code": failure_code, "reason": reason}
        return _made(FailureMessage, {**given, **fields})

    def make_task(self, task: Any, *args: Any, **fields: Any) -> TaskMessage:
        """A call of a task.

        :param task: the task, or its name.
        :param args: its positional arguments; named ones are the field ``kwargs``.
        """
        name = task if isinstance(task, str) else task.name
        return _made(TaskMessage, {"task": name, "args": list(args), **fields})

    def make_result(self, call: TaskMessage, value: Any = None) -> ResultMessage:
        """The answer to a call: it finished, with this."""
        return call.result(value)

    def _user_message(self, content: str | None, fields: dict[str, Any]) -> UserMessage:
        transport = {"transport_name": self.transport_name, "transport_type": self.transport_type}
        return _made(UserMessage, {**transport, "content": content, **fields})


def _made(cls: type[M], fields: dict[str, Any]) -> M:
    endpoint = fields.pop("endpoint", None)
    message = make(cls, fields)
    if endpoint is not None:
        message.set_routing_endpoint(endpoint)
    return message
