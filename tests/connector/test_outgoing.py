"""What a connector publishes, many messages at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.delivery import delivery_in_hand
from pipeline.errors import Drop, InvalidMessageField, PipelineError, QueueFull
from pipeline.middleware.base import BaseMiddleware
from pipeline.observe.meter import Meter
from pipeline.signals import message_published
from tests.workers import WorkerCase, inbound


class Picky(BaseMiddleware):
    """Lets some pass, marked, and has some wait."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        if message.content == "bad":
            raise Drop("bad")
        if message.content == "odd":
            message.extra["odd"] = object()
        message.helper_metadata["seen"] = True
        if message.content == "slow":
            waiting: Deferred[Any] = Deferred()
            self.worker.clock.callLater(1, waiting.callback, message)
            return waiting
        return message


class Many(WorkerCase):
    def many(self, connector: Any, *contents: str, **options: Any) -> Deferred[Any]:
        """What publishing messages with these contents gives."""
        return Deferred.fromCoroutine(
            connector.publish_many("inbound", map(inbound, contents), **options)
        )

    def test_in_order(self) -> None:
        """All are stored in their order, on the endpoint named, more than fit in a step."""
        connector = self.connector(publishes=("inbound",), consumes=())
        contents = [str(n) for n in range(777)]
        publishing = self.many(connector, *contents, endpoint="here")
        self.assertEqual(500, self.depth("sms.inbound").waiting)
        self.helper.advance()
        published = self.successResultOf(publishing)
        self.assertEqual(contents, [message.content for message in published])
        self.assertEqual(contents, self.contents("sms.inbound"))
        self.assertEqual({"here"}, {message.get_routing_endpoint() for message in published})

    def test_nothing(self) -> None:
        """Of no messages nothing becomes."""
        self.assertEqual(
            [], self.successResultOf(self.many(self.connector(publishes=("inbound",), consumes=())))
        )

    def test_middleware(self) -> None:
        """Each passes the chain, one after the other, waits included; what is dropped is None."""
        connector = self.connector(Picky("p", {}, self), publishes=("inbound",), consumes=())
        publishing = self.many(connector, "a", "slow", "bad", "b")
        self.assertNoResult(publishing)
        self.assertEqual([], self.contents("sms.inbound"))
        self.clock.advance(1)
        published = self.successResultOf(publishing)
        self.assertEqual(["a", "slow", None, "b"], [m and m.content for m in published])
        self.assertEqual(["a", "slow", "b"], self.contents("sms.inbound"))
        self.assertTrue(all(m.helper_metadata["seen"] for m in published if m))

    def test_unencodable(self) -> None:
        """One that can't be encoded is an error, and none of its step is stored."""
        connector = self.connector(Picky("p", {}, self), publishes=("inbound",), consumes=())
        self.failureResultOf(self.many(connector, "a", "odd"), InvalidMessageField)
        self.assertEqual([], self.contents("sms.inbound"))
        publishing = self.many(connector, *map(str, range(500)), "odd", "b")
        self.helper.advance()
        self.failureResultOf(publishing, InvalidMessageField)
        self.assertEqual([str(n) for n in range(500)], self.contents("sms.inbound"))

    def test_unknown_kind(self) -> None:
        """A kind that isn't published is an error."""
        self.failureResultOf(
            self.many(self.connector(publishes=("event",), consumes=()), "a"), PipelineError
        )

    def test_full(self) -> None:
        """Those of a step are stored all or none."""
        connector = self.connector(publishes=("inbound",), consumes=())
        self.failureResultOf(self.many(connector, *"abcd", max_depth=3), QueueFull)
        self.assertEqual([], self.contents("sms.inbound"))
        self.successResultOf(self.many(connector, *"abc", max_depth=3))
        self.assertEqual([*"abc"], self.contents("sms.inbound"))
        publishing = self.many(connector, *map(str, range(1300)), max_depth=700)
        self.helper.advance()
        self.failureResultOf(publishing, QueueFull)
        self.assertEqual(500, self.depth("sms.inbound").waiting)

    def test_told(self) -> None:
        """Receivers are told of each, once it is stored; and each is counted."""
        told: list[Any] = []

        def tell(sender: Any, message: Any, queue: str, **said: Any) -> None:
            told.append((message.content, queue, self.depth("sms.inbound").waiting))

        message_published.connect(tell)
        self.addCleanup(message_published.disconnect, tell)
        meter = Meter(1, self.clock.seconds)
        self.runtime = replace(self.runtime, meter=meter)
        self.successResultOf(self.many(self.connector(publishes=("inbound",), consumes=()), *"ab"))
        self.assertEqual([("a", "sms.inbound", 2), ("b", "sms.inbound", 2)], told)
        counted = meter.counter("pipeline_messages_published", "worker", "sms.inbound")
        self.assertEqual(2, counted.value)

    def test_staged(self) -> None:
        """With a delivery in hand they are staged: an error leaves none of them."""
        connector = self.connector(publishes=("outbound",), consumes=("inbound",))
        tried: list[int] = []

        async def handle(message: Any) -> None:
            tried.append(delivery_in_hand().attempt)
            answers = [message.reply(text) for text in "xy"]
            self.assertEqual(answers, await connector.publish_many("outbound", answers))
            if len(tried) == 1:
                raise ValueError("once")

        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.helper.advance(60)
        self.assertEqual([1, 2], tried)
        self.assertEqual(["x", "y"], self.contents("sms.outbound"))
