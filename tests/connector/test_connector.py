from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import LogLevel, capturedLogs, formatEvent

from pipeline.delivery import current
from pipeline.errors import BrokerUnavailable, Drop, PipelineError, Respond
from pipeline.message import EventMessage, UserMessage
from pipeline.middleware.base import BaseMiddleware
from tests.workers import WorkerCase, inbound


class Handlers(WorkerCase):
    """The handler of a message is that of its kind and endpoint."""

    def test_by_kind_and_endpoint(self) -> None:
        """Each handler is given what is for its endpoint, the default one what nobody has."""
        seen: list[tuple[str, str]] = []
        connector = self.connector()
        connector.add_handler("inbound", lambda message: seen.append(("default", message.content)))
        connector.add_handler("inbound", lambda message: seen.append(("a", message.content)), "a")
        connector.set_default_handler(
            "inbound", lambda message: seen.append(("other", message.content))
        )
        for endpoint in (None, "a", "b"):
            message = inbound(str(endpoint))
            message.set_routing_endpoint(endpoint)
            self.put("sms.inbound", message)
        self.assertEqual([("default", "None"), ("a", "a"), ("other", "b")], seen)

    def test_nobody(self) -> None:
        """A message that nobody handles is settled; the log says so."""
        self.connector()
        with capturedLogs() as events:
            self.put("sms.inbound", inbound())
        self.assertEqual((0, 0), self.depth("sms.inbound")[:2])
        [event] = [each for each in events if each["log_level"] is LogLevel.warn]
        self.assertIn("nobody handles inbound messages for endpoint 'default'", formatEvent(event))

    def test_reads(self) -> None:
        """It says which queues it reads, as long as it does."""
        connector = self.connector()
        self.assertEqual(["sms.inbound", "sms.event"], connector.reads)
        self.stop(connector)
        self.assertEqual([], connector.reads)

    def test_unknown_kind(self) -> None:
        """What a connector doesn't consume has no queue of an instance either."""
        connector = self.connector()
        self.assertRaises(PipelineError, connector.consume_instance, "outbound", "me")


class Publishing(WorkerCase):
    """What is published in a delivery happens with its settlement, else at once."""

    def test_staged(self) -> None:
        """A reply is not there while the handler runs, and there when it is done."""
        connector = self.connector()
        holding: Deferred[None] = Deferred()

        async def handle(message: Any) -> None:
            await connector.publish("outbound", message.reply("yes"))
            await holding

        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.assertEqual(0, self.depth("sms.outbound").waiting)
        holding.callback(None)
        self.clock.advance(0)
        self.assertEqual(["yes"], self.contents("sms.outbound"))

    def test_immediately(self) -> None:
        """With ``immediately`` it is there while the handler still runs."""
        connector = self.connector()
        holding: Deferred[None] = Deferred()

        async def handle(message: Any) -> None:
            await connector.publish("outbound", message.reply("yes"), immediately=True)
            await holding

        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.assertEqual(["yes"], self.contents("sms.outbound"))
        holding.callback(None)

    def test_edge(self) -> None:
        """Without a delivery it is there at once, on its endpoint; the Deferred gives it."""
        connector = self.connector()
        message = inbound("out")
        self.assertIs(
            message, self.successResultOf(connector.publish("outbound", message, "other"))
        )
        sent = self.taken("sms.outbound")[0].message
        self.assertEqual("other", sent.get_routing_endpoint())

    def test_of_the_message_answered(self) -> None:
        """A callback that fires in another context stages where it says."""
        connector = self.connector()
        holding: Deferred[None] = Deferred()

        def handle(message: Any) -> Deferred[Any]:
            def answer(_: Any) -> Deferred[Any]:
                self.assertIs(None, current.get())
                return connector.publish(
                    "outbound", message.reply("yes"), delivery=message._delivery
                )

            return holding.addCallback(answer)

        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        holding.callback(None)
        self.clock.advance(0)
        self.assertEqual(["yes"], self.contents("sms.outbound"))

    def test_after_settlement(self) -> None:
        """Who publishes in the background after the handler is done is told so."""
        connector = self.connector()
        kept: list[Any] = []
        connector.add_handler("inbound", kept.append)
        self.put("sms.inbound", inbound())
        late = connector.publish("outbound", inbound(), delivery=kept[0]._delivery)
        self.assertIn("settled already", self.failureResultOf(late, RuntimeError).getErrorMessage())

    def test_waits_for_middleware(self) -> None:
        """The delivery is settled only when asynchronous middleware has let the reply pass."""
        passing: list[Deferred[Any]] = []

        class Slow(BaseMiddleware):
            def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
                passing.append(Deferred())
                return passing[-1].addCallback(lambda _: message)

        connector = self.connector(Slow("slow", {}, None))
        connector.add_handler(
            "inbound", lambda message: ignore(connector.publish("outbound", message.reply("yes")))
        )
        self.put("sms.inbound", inbound())
        self.assertEqual(1, self.depth("sms.inbound").in_hand)
        passing[0].callback(None)
        self.clock.advance(0)
        self.assertEqual(0, self.depth("sms.inbound").in_hand)
        self.assertEqual(["yes"], self.contents("sms.outbound"))

    def test_error_nobody_looks_at(self) -> None:
        """A reply that can't be published fails the delivery even if nobody looks."""
        connector = self.connector()
        connector.add_handler(
            "inbound", lambda message: ignore(connector.publish("nonsense", message))
        )
        self.put("sms.inbound", inbound())
        self.assertEqual(1, self.depth("sms.inbound").delayed)

    def test_error_handled(self) -> None:
        """Who handles the error of a publish keeps the delivery."""
        connector = self.connector()

        async def handle(message: Any) -> None:
            try:
                await connector.publish("nonsense", message)
            except PipelineError:
                await connector.publish("outbound", message.reply("instead"))

        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.assertEqual(["instead"], self.contents("sms.outbound"))


def ignore(_: Any) -> None:
    """Return nothing."""


class Instances(WorkerCase):
    """A process reads its own replies from a queue of its own."""

    def test_reply_to_an_instance(self) -> None:
        """A reply to a message of an instance goes to its queue, and is handled there."""
        transport = self.worker().setup_ro_connector("sms")
        transport.consume_instance("outbound", "me")
        got: list[str] = []
        transport.add_handler("outbound", lambda message: got.append(message.content))
        self.successResultOf(Deferred.fromCoroutine(transport.start()))
        transport.unpause()
        self.addCleanup(self.stop, transport)
        application = self.connector()
        application.add_handler(
            "inbound", lambda message: ignore(application.publish("outbound", message.reply("yes")))
        )
        self.put("sms.inbound", inbound(transport_metadata={"reply_instance": "me"}))
        self.assertEqual(["yes"], got)
        self.assertEqual(0, self.depth("sms.outbound").waiting)

    def test_past_a_dispatcher(self) -> None:
        """On another connector than the transport's own, a reply goes the common way."""
        connector = self.connector()
        message = inbound(transport_name="web", transport_metadata={"reply_instance": "me"})
        self.successResultOf(connector.publish("outbound", message))
        self.assertEqual(["hi"], self.contents("sms.outbound"))


class Answers(WorkerCase):
    """Middleware may answer a message that is published."""

    class Gate(BaseMiddleware):
        """Answers everything that is published inbound."""

        def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
            raise Respond(message.reply("no"))

    class Mark(BaseMiddleware):
        """Marks what comes its way."""

        def handle_consume_outbound(self, message: Any, connector_name: str) -> Any:
            message.helper_metadata["back"] = self.name
            return message

    def test_back_to_the_transport(self) -> None:
        """The answer reaches the transport's own handler through the layers already entered."""
        transport = self.connector(
            self.Mark("outer", {}, None),
            self.Gate("gate", {}, None),
            self.Mark("inner", {}, None),
            consumes=("outbound",),
            publishes=("inbound", "event"),
        )
        got: list[Any] = []
        transport.add_handler("outbound", got.append)
        self.assertIs(None, self.successResultOf(transport.publish("inbound", inbound())))
        self.assertEqual(["no"], [message.content for message in got])
        self.assertEqual({"back": "inner"}, got[0].helper_metadata)
        self.assertEqual(0, self.depth("sms.inbound").waiting)

    def test_nobody_takes_it(self) -> None:
        """An answer that nobody here takes is logged; the message is not published."""
        connector = self.connector(self.Gate("gate", {}, None), consumes=(), publishes=("inbound",))
        self.assertIs(None, self.successResultOf(connector.publish("inbound", inbound())))
        self.assertEqual(0, self.depth("sms.inbound").waiting)

    def test_dropped(self) -> None:
        """A message that middleware drops is not published; for an outbound one there is a nack."""

        class Dropper(BaseMiddleware):
            def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
                raise Drop("unwanted")

        connector = self.connector(Dropper("dropper", {}, None), consumes=())
        message = inbound()
        self.assertIs(None, self.successResultOf(connector.publish("outbound", message)))
        self.assertEqual(0, self.depth("sms.outbound").waiting)
        event = self.taken("sms.event")[0].message
        self.assertIsInstance(event, EventMessage)
        self.assertEqual(
            (message.message_id, "unwanted"), (event.user_message_id, event.nack_reason)
        )


class Life(WorkerCase):
    """A connector stops without losing anything."""

    def test_starts_paused(self) -> None:
        """Nothing is read before ``unpause``, and nothing after ``pause``."""
        connector = self.connector()
        seen: list[UserMessage] = []
        connector.add_handler("inbound", seen.append)
        self.successResultOf(connector.pause())
        self.put("sms.inbound", inbound())
        self.assertEqual([], seen)
        connector.unpause()
        self.clock.advance(0)
        self.assertEqual(1, len(seen))

    def test_unpause_says_when_it_reads(self) -> None:
        """``unpause`` fires when a take is out for every queue; again if it reads already."""
        connector = self.connector()
        self.assertIs(True, self.successResultOf(connector.unpause()))
        self.successResultOf(connector.pause())
        self.assertIs(True, self.successResultOf(connector.unpause()))

    def test_unpause_waits_for_room(self) -> None:
        """Reading begins when there is room for more than what is in hand."""
        connector = self.connector(max_in_flight=1)
        holding: Deferred[None] = Deferred()
        connector.add_handler("inbound", lambda message: holding)
        self.put("sms.inbound", inbound())
        pausing = connector.pause()
        begun = connector.unpause()
        self.assertNoResult(begun)
        holding.callback(None)
        self.clock.advance(0)
        self.assertIs(True, self.successResultOf(begun))
        self.successResultOf(pausing)

    def test_unpause_in_vain(self) -> None:
        """It fires with False if the connector is not started, or is paused or stopped first."""
        connector = self.worker().setup_connector("x", ("inbound",), ())
        self.assertIs(False, self.successResultOf(connector.unpause()))
        for end in (lambda each: each.pause(), self.stop):
            connector = self.connector(max_in_flight=1)
            connector.add_handler("inbound", lambda message: Deferred(lambda _: None))
            self.put("sms.inbound", inbound())
            connector.pause()
            begun = connector.unpause()
            end(connector)
            self.assertIs(False, self.successResultOf(begun))
            self.stop(connector)

    def test_pause_waits(self) -> None:
        """``pause`` fires when what is in progress is settled."""
        connector = self.connector()
        holding: Deferred[None] = Deferred()
        connector.add_handler("inbound", lambda message: holding)
        self.put("sms.inbound", inbound())
        paused = connector.pause()
        self.assertNoResult(paused)
        holding.callback(None)
        self.clock.advance(0)
        self.successResultOf(paused)

    def test_stop_in_time(self) -> None:
        """What finishes before the deadline is settled."""
        connector = self.connector()
        holding: Deferred[None] = Deferred()
        connector.add_handler("inbound", lambda message: holding)
        self.put("sms.inbound", inbound())
        stopping = Deferred.fromCoroutine(connector.stop(10))
        self.clock.advance(9)
        self.assertNoResult(stopping)
        holding.callback(None)
        self.clock.advance(0)
        self.successResultOf(stopping)
        self.assertEqual((0, 0), self.depth("sms.inbound")[:2])

    def test_stop_hands_back(self) -> None:
        """At the deadline handlers are cancelled; their messages are there for others at once."""
        connector = self.connector(max_in_flight=2)
        cancelled: list[Any] = []
        connector.add_handler("inbound", lambda message: Deferred(cancelled.append))
        self.put("sms.inbound", inbound("a"), inbound("b"), inbound("c"))
        stopping = Deferred.fromCoroutine(connector.stop(10))
        self.clock.advance(10)
        self.successResultOf(stopping)
        self.assertEqual(2, len(cancelled))
        back = self.taken("sms.inbound")
        self.assertEqual(["a", "b", "c"], sorted(each.message.content for each in back))
        self.assertEqual({1}, {delivery.attempt for delivery in back})
        self.assertEqual(0, self.depth("sms.inbound").in_hand)

    def test_stop_lets_a_cancelled_handler_say(self) -> None:
        """A handler that returns when it is cancelled has handled its message."""
        connector = self.connector()

        async def handle(message: Any) -> None:
            try:
                await Deferred()
            finally:
                await connector.publish("outbound", message.reply("sorry"))
                return  # noqa: B012  # on purpose: it was cancelled, and answers

        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        stopping = Deferred.fromCoroutine(connector.stop(1))
        self.clock.advance(1)
        self.clock.advance(0)
        self.successResultOf(stopping)
        self.assertEqual(["sorry"], self.contents("sms.outbound"))
        self.assertEqual(0, self.depth("sms.inbound").waiting)

    def test_stop_without_a_server(self) -> None:
        """Stopping ends in time even if nothing can be handed back; others will take it over."""
        connector = self.connector()
        connector.add_handler("inbound", lambda message: Deferred())
        self.put("sms.inbound", inbound())
        for source in connector._flow.sources:
            self.patch(source.consumer, "hand_back", lambda deliveries: Deferred())
            self.patch(source.consumer, "close", lambda: fail(BrokerUnavailable("gone")))
        stopping = Deferred.fromCoroutine(connector.stop(5))
        self.clock.advance(5)
        self.assertNoResult(stopping)
        self.clock.advance(1)
        self.successResultOf(stopping)

    def test_stop_while_a_take_ends(self) -> None:
        """The deadline counts also while a server takes its time to end what is being taken."""
        connector = self.connector(max_in_flight=4)
        connector.add_handler("inbound", lambda message: Deferred())
        self.put("sms.inbound", inbound("a"))
        for source in connector._flow.sources:
            self.patch(source.reader, "pause", Deferred)
        stopping = Deferred.fromCoroutine(connector.stop(1))
        self.clock.advance(1)
        self.successResultOf(stopping)
        self.assertEqual(["a"], self.contents("sms.inbound"))

    def test_stop_ignores_who_hangs_on(self) -> None:
        """What a handler that ignores being cancelled does afterwards has no effect."""
        connector = self.connector()
        hanging: Deferred[None] = Deferred(lambda _: None)
        hanging.cancel = lambda: None  # type: ignore[method-assign]
        connector.add_handler("inbound", lambda message: hanging)
        self.put("sms.inbound", inbound("kept"))
        stopping = Deferred.fromCoroutine(connector.stop(1))
        self.clock.advance(1)
        self.assertNoResult(stopping)
        self.clock.advance(1)
        self.successResultOf(stopping)
        hanging.callback(None)
        self.clock.advance(1)
        self.assertEqual(["kept"], self.contents("sms.inbound"))


class Hurry(WorkerCase):
    """Who is in a hurry hands back now."""

    def held(self) -> Any:
        connector = self.connector()
        connector.add_handler("inbound", lambda message: Deferred(lambda _: None))
        self.put("sms.inbound", inbound("a"))
        self.assertEqual(1, connector.in_hand)
        return connector

    def test_while_stopping(self) -> None:
        """It need not wait for the deadline."""
        connector = self.held()
        stopping = Deferred.fromCoroutine(connector.stop(60))
        self.clock.advance(1)
        self.assertNoResult(stopping)
        connector.hurry()
        self.clock.advance(0.2)
        self.successResultOf(stopping)
        self.assertEqual(["a"], self.contents("sms.inbound"))

    def test_before_stopping(self) -> None:
        """It stops by itself; a stop afterwards finds nothing to do."""
        connector = self.held()
        connector.hurry()
        self.clock.advance(0.2)
        self.assertEqual(["a"], self.contents("sms.inbound"))
        self.successResultOf(Deferred.fromCoroutine(connector.stop(60)))
        connector.hurry()
