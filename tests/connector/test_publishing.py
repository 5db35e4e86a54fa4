from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from pipeline.connector.publishing import Edge, Publication, Publisher, queue_of
from pipeline.delivery import Delivery, delivery_of
from pipeline.errors import Drop, InvalidMessageField, PipelineError, QueueFull
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.stack import MiddlewareStack
from pipeline.signals import message_published
from pipeline.state.partition import partition_for, partition_of
from tests.workers import WorkerCase, inbound


class PublisherCase(WorkerCase):
    """Has a publisher of the connector ``sms``."""

    def publisher(self, *middlewares: Any) -> Publisher:
        stack = MiddlewareStack(middlewares)
        return Publisher("sms", self.worker(), stack, ["inbound", "outbound"], self, self.fail)


class Edges(PublisherCase):
    """How and where a message is put."""

    def test_queues(self) -> None:
        """A kind has its queue; that of failures is in the plural, as in Vumi."""
        self.assertEqual("sms.inbound", queue_of("sms", "inbound"))
        self.assertEqual("sms.failures", queue_of("sms", "failure"))

    def test_delay(self) -> None:
        """A delayed message is due later, not before."""
        self.successResultOf(self.publisher().publish("inbound", inbound(), Edge(None, delay=2.5)))
        self.assertEqual(1, self.depth("sms.inbound").delayed)
        self.clock.advance(2.5)
        self.assertEqual(["hi"], self.contents("sms.inbound"))

    def test_window(self) -> None:
        """Within its window a message is published once."""
        message = inbound()
        for _ in range(2):
            self.successResultOf(
                self.publisher().publish("inbound", message, Edge(None, window=60))
            )
        self.assertEqual(["hi"], self.contents("sms.inbound"))

    def test_max_depth(self) -> None:
        """A full queue refuses; who publishes hears it."""
        edge = Edge(None, max_depth=1, queue="elsewhere")
        self.successResultOf(self.publisher().publish("inbound", inbound(), edge))
        self.failureResultOf(self.publisher().publish("inbound", inbound(), edge), QueueFull)
        self.assertEqual(["hi"], self.contents("elsewhere"))

    def test_delivery_in_hand(self) -> None:
        """Middleware finds the delivery in hand where the context knows of none, and only then."""
        found: list[Any] = []

        class Looking(BaseMiddleware):
            def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
                found.append(delivery_of(message))
                return message

        publisher = self.publisher(Looking("looking", {}, None))
        delivery = Delivery("q", b"1-0", b"")
        for each in (delivery, None):
            self.successResultOf(publisher.publish("inbound", inbound(), Edge(each)))
        self.assertEqual([delivery, None], found)

    def test_context(self) -> None:
        """What middleware sets of its context doesn't stay behind with who publishes."""
        tenant: ContextVar[str] = ContextVar("tenant", default="nobody")

        class Setting(BaseMiddleware):
            def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
                tenant.set("somebody")
                return message

        publisher = self.publisher(Setting("setting", {}, None))
        self.successResultOf(publisher.publish("inbound", inbound(), Edge(None)))
        self.assertEqual("nobody", tenant.get())

    def test_unknown_kind(self) -> None:
        """A kind that isn't published is an error."""
        self.failureResultOf(
            self.publisher().publish("status", inbound(), Edge(None)), PipelineError
        )
        self.failureResultOf(
            Deferred.fromCoroutine(self.publisher().apply("status", inbound())), PipelineError
        )

    def test_partition(self) -> None:
        """One address is always in one partition; a delivery's publishes stay in its own."""
        self.broker.partitions = 7
        for _ in range(3):
            self.successResultOf(self.publisher().publish("inbound", inbound(), Edge(None)))
        where = partition_of("+27", 7)
        self.assertEqual(3, len(self.taken("sms.inbound", where)))
        delivery = Delivery("q", b"1-0", b"", partition=(where + 1) % 7)
        edge = Edge(delivery, immediately=True)
        self.successResultOf(self.publisher().publish("inbound", inbound(), edge))
        self.assertEqual(1, len(self.taken("sms.inbound", delivery.partition)))

    def test_partition_of_state(self) -> None:
        """A message goes where middleware has put its state, though its address changes then."""
        self.broker.partitions = 7
        found = []

        class Keeping(BaseMiddleware):
            def handle_inbound(self, message: Any, connector_name: str) -> Any:
                found.append(partition_for(self.worker, "inbound", message))
                message.from_addr = f"{message.from_addr}0"
                return message

        publisher = self.publisher(Keeping("k", {}, self.worker()))
        for number in range(20):
            message = inbound(from_addr=f"+{number}")
            self.successResultOf(publisher.publish("inbound", message, Edge(None)))
            self.assertEqual(partition_of(f"+{number}", 7), found[-1])
            self.assertEqual(1, len(self.taken("sms.inbound", found[-1])))
        self.assertTrue(len(set(found)) > 1)


class Alike(PublisherCase):
    """Most messages from the edge go a shorter way, on which the same becomes of them."""

    def ways(self, content: str, **how: Any) -> list[Any]:
        """What becomes of a message on either way: what it comes to, is told, and is stored."""

        class Deciding(BaseMiddleware):
            def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
                if message.content in (error := {"drop": Drop, "bad": ValueError}):
                    raise error[message.content]("so")
                if message.content == "odd":
                    message.extra["odd"] = object()
                later: Deferred[Any] = Deferred()
                self.worker.clock.callLater(1, later.callback, message)
                return later if message.content == "later" else message

        found = []
        for way in ("fail", "wait"):  # "fail" is the shorter
            told: list[str] = []
            receiver = lambda sender, message, queue, **_: told.append(queue)  # noqa: B023, E731
            message_published.connect(receiver)
            publisher = self.publisher(Deciding("d", {}, self.worker()))
            edge = Edge(None, queue=way, when_full=way, **how)  # type: ignore[arg-type]
            published: list[Any] = []
            publisher.publish("inbound", inbound(content), edge).addBoth(published.append)
            self.helper.advance(2)
            message_published.disconnect(receiver)
            [result] = published
            what = result.type if isinstance(result, Failure) else result and result.content
            found.append((what, len(told), self.contents(way)))
        return found

    def test_alike(self) -> None:
        """Stored, waited for, dropped, refused by middleware, by the codec or by the queue."""
        for content, wanted in (
            ("hi", ("hi", 1, ["hi"])),
            ("later", ("later", 1, ["later"])),
            ("drop", (None, 0, [])),
            ("bad", (ValueError, 0, [])),
            ("odd", (InvalidMessageField, 0, [])),
        ):
            self.assertEqual([wanted, wanted], self.ways(content), content)
        wanted = ("hi", 1, ["hi"])
        self.assertEqual([wanted, wanted], self.ways("hi", max_depth=1))


class Publications(PublisherCase):
    """The error of a publish belongs to who looks, else to the delivery."""

    def failing(self) -> tuple[Publication, Any]:
        inner: Deferred[Any] = Deferred()

        class Broken(BaseMiddleware):
            def handle_outbound(self, message: Any, connector_name: str) -> Any:
                return inner

        delivery = Delivery("q", b"1-0", b"")
        published = self.publisher(Broken("b", {}, None)).publish(
            "outbound", inbound(), Edge(delivery)
        )
        [unfinished] = delivery.take_unfinished()
        assert isinstance(published, Publication)
        inner.errback(Failure(KeyError("x")))
        return published, unfinished

    async def test_nobody(self) -> None:
        """Nobody looks: the delivery's."""
        _, unfinished = self.failing()
        with self.assertRaises(KeyError):
            await unfinished

    async def test_callback(self) -> None:
        """Somebody has handled it in an errback: theirs."""
        published, unfinished = self.failing()
        self.failureResultOf(published, KeyError)
        await unfinished

    async def test_await(self) -> None:
        """Somebody has awaited it: theirs."""
        published, unfinished = self.failing()
        with self.assertRaises(KeyError):
            await published
        published.addErrback(lambda _: None)
        await unfinished

    def test_success(self) -> None:
        """What succeeds gives the message as it was published."""

        class Slow(BaseMiddleware):
            def handle_outbound(self, message: Any, connector_name: str) -> Any:
                return waiting.addCallback(lambda _: message)

        waiting: Deferred[Any] = Deferred()
        delivery = Delivery("q", b"1-0", b"")
        message = inbound()
        published = self.publisher(Slow("s", {}, None)).publish("outbound", message, Edge(delivery))
        self.assertNoResult(published)
        waiting.callback(None)
        self.assertIs(message, self.successResultOf(published))
        self.assertEqual(["sms.outbound"], [post.queue for post in delivery.posts])

    def test_follow(self) -> None:
        """It ends as what it follows."""
        self.assertEqual(1, self.successResultOf(Publication().follow(succeed(1))))
