"""A dispatcher between queues, in memory, on a Clock."""

from __future__ import annotations

from typing import Any, ClassVar

from pipeline.config.problems import flattened
from pipeline.config.source import parse_document
from pipeline.dispatchers import Dispatcher
from pipeline.errors import ConfigError
from pipeline.message import EventMessage
from tests.workers import WorkerCase, inbound

#: The connectors that most tests use.
SIDES: dict[str, Any] = {
    "receive_inbound_connectors": ["web", "sms"],
    "receive_outbound_connectors": ["menu", "news"],
}


def said(content: str | None = "hi", **fields: Any) -> Any:
    """What a user says over the transport ``web``."""
    return inbound(content, **{"transport_name": "web", **fields})  # type: ignore[arg-type]


def acked(message: Any, **fields: Any) -> EventMessage:
    """The world has accepted a message."""
    given = {"event_type": "ack", "sent_message_id": "s", **fields}
    return EventMessage(user_message_id=message.message_id, **given)


class DispatcherCase(WorkerCase):
    """Has a dispatcher that runs."""

    #: The router, and its options besides the connectors.
    ROUTER: ClassVar[type[Dispatcher]] = Dispatcher
    OPTIONS: ClassVar[dict[str, Any]] = {}

    def dispatcher(self, cls: type[Dispatcher] | None = None, **options: Any) -> Any:
        """One that runs, in a process of its own."""
        given = {**SIDES, **self.OPTIONS, "retry": {"attempts": 1}, **options}
        return self.helper.get_worker(cls or self.ROUTER, given, name="switch").now()

    def halt(self, made: Any) -> None:
        """Stop a dispatcher."""
        self.helper.cleanup_worker(made).now()

    def turn(self) -> None:
        """Let everything happen that happens at once."""
        self.helper.advance()

    def messages(self, queue: str, partition: int = 0) -> list[Any]:
        """What waits in a queue; it is taken."""
        return [delivery.message for delivery in self.taken(queue, partition)]

    def where(self, message: Any, *queues: str) -> list[str]:
        """The queues in which a message is by now."""
        id = message.message_id
        return [q for q in queues if any(each.message_id == id for each in self.messages(q))]

    def event_about(self, message: Any, transport: str = "web") -> list[str]:
        """Send a message's ack back, and see to which applications it goes."""
        event = acked(message)
        self.put(f"{transport}.event", event)
        return [
            name
            for name in SIDES["receive_outbound_connectors"]
            for each in self.messages(f"{name}.event")
            if each.event_id == event.event_id
        ]

    def wrong(self, text: str, router: type[Dispatcher] | None = None) -> list[str]:
        """What is wrong with options that are written in a file."""
        data = parse_document(text, "switch.yaml").data
        try:
            (router or self.ROUTER).CONFIG_CLASS(data)
        except ConfigError as error:
            return [str(each) for each in flattened(error)]
        return []
