"""What Vumi's connectors promise (0.6.19, ``vumi.connectors``) that isn't said elsewhere."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import fail

from pipeline.errors import IgnoreMessage
from pipeline.message import FailureMessage, StatusMessage
from pipeline.middleware.base import BaseMiddleware
from tests.workers import WorkerCase, inbound, nack

STATUS = {"component": "line", "status": "ok", "type": "up", "message": "up"}


class Ignoring(BaseMiddleware):
    """Ignores what it is told to, on the way in."""

    def handle_consume_outbound(self, message: Any, connector_name: str) -> Any:
        if message.content == "ignored":
            raise IgnoreMessage("by middleware")
        return message

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        return self.handle_consume_outbound(message, connector_name)


class Queues(WorkerCase):
    """The names of queues are Vumi's."""

    def test_names(self) -> None:
        """inbound, outbound, event, status, and failures in the plural."""
        kinds = ("inbound", "outbound", "event", "failure", "status")
        connector = self.connector(consumes=(), publishes=kinds)
        failure = FailureMessage(message={}, reason="r")
        messages = (inbound(), inbound(), nack(inbound()), failure, StatusMessage(**STATUS))
        for kind, message in zip(kinds, messages, strict=True):
            self.successResultOf(connector.publish(kind, message))
        for queue in ("inbound", "outbound", "event", "failures", "status"):
            self.assertEqual(1, self.depth(f"sms.{queue}").waiting, queue)


class Ignored(WorkerCase):
    """IgnoreMessage ends a message; of an outbound one who sent it hears."""

    def ignoring(self, kind: str) -> list[Any]:
        """The events about a message that a handler ignores, and one that middleware does."""
        connector = self.connector(
            Ignoring("m", {}, None), consumes=(kind,), publishes=("event", "outbound")
        )
        connector.add_handler(kind, lambda message: fail(IgnoreMessage("by the handler")))
        self.put(f"sms.{kind}", inbound("ignored"), inbound("other"))
        self.assertEqual((0, 0, 0, 0), tuple(self.depth(f"sms.{kind}")))
        return [delivery.message for delivery in self.taken("sms.event")]

    def test_outbound(self) -> None:
        """A nack with the reason, for each."""
        events = self.ignoring("outbound")
        self.assertEqual(["nack", "nack"], [event.event_type for event in events])
        reasons = [event.nack_reason for event in events]
        self.assertEqual(["by middleware", "by the handler"], reasons)

    def test_inbound(self) -> None:
        """Nothing more."""
        self.assertEqual([], self.ignoring("inbound"))


class Publishing(WorkerCase):
    """A message gets its endpoint, then passes middleware, then is published."""

    def test_endpoint_before_middleware(self) -> None:
        """Middleware sees the endpoint that it goes out on."""
        seen: list[str] = []

        class Looking(BaseMiddleware):
            def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
                seen.append(message.get_routing_endpoint())
                return message

        connector = self.connector(Looking("m", {}, None))
        self.successResultOf(connector.publish("outbound", inbound(), "chat"))
        self.assertEqual(["chat"], seen)

    def test_consumers_go_on(self) -> None:
        """An error in a handler or in middleware doesn't end the consumer, as it does in Vumi."""
        heard: list[str] = []

        def handle(message: Any) -> None:
            heard.append(message.content)
            raise ValueError("always")

        self.connector(retry={"attempts": 1}).add_handler("inbound", handle)
        self.put("sms.inbound", inbound("a"))
        self.put("sms.inbound", inbound("b"))
        self.assertEqual(["a", "b"], heard)
        self.assertEqual(2, self.depth("sms.inbound").dead)
