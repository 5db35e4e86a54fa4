from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs, formatEvent

from pipeline.connector.handling import opposite
from pipeline.delivery import Delivery
from pipeline.errors import (
    Drop,
    PermanentFailure,
    Respond,
    RetryLater,
    TemporaryFailure,
    WorkerShutdown,
)
from pipeline.message import EventMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.outcome import DeadLetter, Done, Dropped, Retry, RetryPolicy
from tests.workers import Bare, WorkerCase, inbound, nack


class HandlingCase(WorkerCase):
    """Gives one message to a handler."""

    def handled(self, handler: Any, *middlewares: Any, **options: Any) -> Any:
        """Have a message handled, and say what its connector is."""
        connector = self.connector(*middlewares, **options)
        connector.add_handler("inbound", handler)
        self.put("sms.inbound", inbound())
        return connector

    def letter(self, queue: str = "sms.inbound") -> dict[str, str]:
        """The one dead letter of a queue."""
        [entry] = self.dead(queue)
        return {name: value.decode() for name, value in entry.fields.items()}


class Returned(HandlingCase):
    """What a handler may return, in every form."""

    def test_forms(self) -> None:
        """None, Done, another value; at once, in a Deferred or of a coroutine: all settle it."""

        async def asynchronous(message: Any) -> str:
            return "ignored"

        for handler in (
            lambda message: None,
            lambda message: Done(),
            lambda message: "ignored",
            lambda message: succeed(None),
            asynchronous,
        ):
            connector = self.handled(handler)
            self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))
            self.stop(connector)

    def test_retry(self) -> None:
        """Retry: it comes again after so many seconds, one attempt later, its history told."""

        def handle(message: Any) -> Retry:
            return Retry(5, reason="not yet")

        connector = self.handled(handle)
        self.assertEqual(1, self.depth("sms.inbound").delayed)
        self.successResultOf(connector.pause())
        self.clock.advance(4)
        self.assertEqual([], self.taken("sms.inbound"))
        self.clock.advance(1)
        [delivery] = self.taken("sms.inbound")
        self.assertEqual((2, 1_000_000_000), (delivery.attempt, delivery.enqueued_at))
        [failed] = json.loads(delivery.history)
        self.assertEqual(
            (1, 1_000_000, "not yet"), (failed["attempt"], failed["at"], failed["error"])
        )
        self.assertIn("handle", failed["where"])

    def test_dropped(self) -> None:
        """Dropped: settled; of an outbound message its sender hears."""
        connector = self.connector(consumes=("outbound",), publishes=("event",))
        connector.add_handler("outbound", lambda message: Dropped("unwanted"))
        self.put("sms.outbound", inbound())
        [event] = self.taken("sms.event")
        self.assertEqual("unwanted", event.message.nack_reason)

    def test_dead_letter(self) -> None:
        """DeadLetter: among the dead letters of its queue, with all that is known."""
        self.handled(lambda message: DeadLetter(ValueError("bad"), "mine"))
        letter = self.letter()
        self.assertEqual(
            ("mine", "ValueError: bad", "1"),
            (letter["reason"], letter["error"], letter["attempts"]),
        )
        self.assertEqual("1000000000000"[:10], letter["enqueued_at"][:10])
        self.assertIn("lambda", letter["where"])


class Raised(HandlingCase):
    """What a handler or middleware may raise."""

    def raising(self, error: Exception) -> Any:
        def handle(message: Any) -> Any:
            raise error

        return handle

    def test_drop_keeps_what_is_staged(self) -> None:
        """Drop: settled with what was published so far."""

        def handle(message: Any) -> None:
            connector.publish("outbound", message.reply("so far"))
            raise Drop("enough")

        connector = self.connector()
        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.assertEqual(["so far"], self.contents("sms.outbound"))

    def test_error_forgets_what_is_staged(self) -> None:
        """An error: nothing that was published happens, and it is tried again by the policy."""

        def handle(message: Any) -> None:
            connector.publish("outbound", message.reply("never"))
            raise TemporaryFailure

        connector = self.connector()
        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.assertEqual([], self.contents("sms.outbound"))
        self.assertEqual(1, self.depth("sms.inbound").delayed)

    def test_exhausted(self) -> None:
        """When its attempts are used up it is a dead letter that tells all of them."""
        self.handled(self.raising(TemporaryFailure("again")))
        for _ in range(20):
            self.clock.advance(1)
        letter = self.letter()
        self.assertEqual(("exhausted", "3"), (letter["reason"], letter["attempts"]))
        self.assertEqual([1, 2, 3], [each["attempt"] for each in json.loads(letter["history"])])
        self.assertIn("TemporaryFailure: again", letter["traceback"])

    def test_failure_is_logged(self) -> None:
        """A failure that is tried again is told in one line; what is only put off is not."""
        with capturedLogs() as logged:
            self.stop(self.handled(self.raising(TemporaryFailure("again"))))
            self.stop(self.handled(self.raising(RetryLater(100, "busy"))))
        lines = [str(formatEvent(event)) for event in logged if "failed" in str(formatEvent(event))]
        self.assertEqual(1, len(lines))
        self.assertIn("again in 1 s: TemporaryFailure: again", lines[0])

    def test_permanent(self) -> None:
        """PermanentFailure is never tried again."""
        self.handled(lambda message: fail(PermanentFailure("no")))
        self.assertEqual("permanent", self.letter()["reason"])

    def test_exit(self) -> None:
        """A handler that ends itself has failed; what came with its message is handled."""

        async def waiting(message: Any) -> None:
            leave(message)

        def leave(message: Any) -> None:
            if message.content == "b":
                raise SystemExit(3)

        for handler in (leave, waiting):
            connector = self.connector()
            connector.add_handler("inbound", handler)
            self.put("sms.inbound", *map(inbound, "abc"))
            self.clock.pump([1] * 5)
            self.assertEqual((0, 0, 0), self.depth("sms.inbound")[:3])
            self.assertEqual("SystemExit: 3", self.letter()["error"])
            self.stop(connector)
            self.looker.server.flush()

    def test_retry_later(self) -> None:
        """RetryLater waits as long as it says, whatever the policy."""
        self.handled(self.raising(RetryLater(100, "busy")))
        self.clock.advance(99)
        self.assertEqual(1, self.depth("sms.inbound").delayed)

    def test_retry_later_uses_no_attempt(self) -> None:
        """A message that is put off has not failed: attempt and history stay as they were."""
        connector = self.handled(self.raising(RetryLater(1, "busy")), retry={"attempts": 1})
        for _ in range(50):
            self.clock.advance(1)
        self.successResultOf(connector.pause())
        self.clock.advance(1)
        [delivery] = self.taken("sms.inbound")
        self.assertEqual((1, b""), (delivery.attempt, delivery.history))

    def test_reason_of_the_class(self) -> None:
        """A permanent failure of a class with a reason of its own is buried with that."""

        class Unreadable(PermanentFailure):
            dead_letter_reason = "unreadable"

        self.handled(self.raising(Unreadable("no")))
        self.assertEqual("unreadable", self.letter()["reason"])

    def test_policy_of_the_class(self) -> None:
        """An exception's own policy goes before the worker's."""

        class Once(Exception):
            retry_policy = RetryPolicy(attempts=1)

        self.handled(self.raising(Once()))
        self.assertEqual("exhausted", self.letter()["reason"])

    def test_where(self) -> None:
        """A dead letter names the middleware that failed."""

        class Broken(BaseMiddleware):
            def handle_inbound(self, message: Any, connector_name: str) -> Any:
                raise PermanentFailure

        self.handled(print, Broken("guilty", {}, None))
        self.assertIn("'guilty'", self.letter()["where"])

    def test_respond(self) -> None:
        """Respond: the answer goes out, past no layer that the message had not entered."""
        passed = []

        class Passing(BaseMiddleware):
            def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
                passed.append(self.name)
                return message

        class Answering(BaseMiddleware):
            def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
                raise Respond(message.reply("no"))

        middlewares = Passing("a", {}, None), Answering("b", {}, None), Passing("c", {}, None)
        self.handled(self.fail, *middlewares)
        self.assertEqual(["no"], self.contents("sms.outbound"))
        self.assertEqual(["a"], passed)

    def test_respond_of_a_handler(self) -> None:
        """The answer of a handler passes all middleware."""
        passed = []

        class Passing(BaseMiddleware):
            def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
                passed.append(self.name)
                return message

        def handle(message: Any) -> None:
            raise Respond(message.reply("no"))

        self.handled(handle, Passing("a", {}, None))
        self.assertEqual((["no"], ["a"]), (self.contents("sms.outbound"), passed))

    def test_handed_back_only_when_stopping(self) -> None:
        """WorkerShutdown out of the blue is an error like others."""
        self.handled(self.raising(WorkerShutdown()))
        self.assertEqual(1, self.depth("sms.inbound").delayed)

    def test_policy_that_fails(self) -> None:
        """If not even ``decide`` works, the message is a dead letter, not lost."""

        class Undecided(Bare):
            def decide(self, error: Any, delivery: Any) -> Any:
                raise KeyError("policy")

        connector = self.of(Undecided)
        connector.add_handler("inbound", self.raising(ValueError("first")))
        self.put("sms.inbound", inbound())
        self.assertEqual("ValueError: first", self.letter()["error"])
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def of(self, cls: Any) -> Any:
        connector = self.worker(cls).setup_connector("sms", ("inbound",), ("outbound",))
        self.successResultOf(Deferred.fromCoroutine(connector.start()))
        connector.unpause()
        self.addCleanup(self.stop, connector)
        return connector

    def test_no_decision(self) -> None:
        """A ``decide`` that forgets to return anything doesn't settle an error as done."""

        class Forgetful(Bare):
            def decide(self, error: Any, delivery: Any) -> Any:
                return None

        connector = self.of(Forgetful)
        connector.add_handler("inbound", self.raising(ValueError("lost")))
        self.put("sms.inbound", inbound())
        self.assertEqual("ValueError: lost", self.letter()["error"])

    def test_nack_that_fails(self) -> None:
        """If the nack of what is dropped can't be published, it is tried again with all else."""

        class Broken(BaseMiddleware):
            error: Exception = ValueError("events")

            def handle_publish_event(self, message: Any, connector_name: str) -> Any:
                raise self.error

        broken = Broken("b", {}, None)
        connector = self.connector(broken, consumes=("outbound",), publishes=("event",))
        connector.add_handler("outbound", self.raising(Drop("unwanted")))
        self.put("sms.outbound", inbound())
        self.assertEqual(1, self.depth("sms.outbound").delayed)
        broken.error = Drop("nor this")
        self.clock.advance(1)
        self.assertEqual((0, 0, 0, 0), self.depth("sms.outbound"))
        self.assertEqual([], self.taken("sms.event"))

    def test_late_publish(self) -> None:
        """What was on its way when the handler failed is waited for, and forgotten too."""
        passing: Deferred[None] = Deferred()

        class Slow(BaseMiddleware):
            def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
                return passing.addCallback(lambda _: message)

        def handle(message: Any) -> None:
            connector.publish("outbound", message.reply("never"))
            raise TemporaryFailure

        connector = self.connector(Slow("slow", {}, None))
        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.assertEqual(1, self.depth("sms.inbound").in_hand)
        passing.callback(None)
        self.clock.advance(0)
        self.assertEqual(1, self.depth("sms.inbound").delayed)
        self.assertEqual([], self.contents("sms.outbound"))

    def test_final_failure(self) -> None:
        """What the worker says of a final failure is settled with the dead letter."""
        told: list[Any] = []

        class Telling(Bare):
            async def on_final_failure(
                self, message: Any, error: Any, outcome: Any, delivery: Any
            ) -> None:
                told.append((str(error), outcome.reason))
                await self.connectors["sms"].publish("outbound", message.reply("failed"))

        connector = self.of(Telling)
        connector.add_handler("inbound", self.raising(PermanentFailure("no")))
        self.put("sms.inbound", inbound())
        self.assertEqual([("no", "permanent")], told)
        self.assertEqual(["failed"], self.contents("sms.outbound"))
        self.assertEqual(1, len(self.dead("sms.inbound")))

    def test_final_failure_that_fails(self) -> None:
        """An error while telling is logged; the dead letter is there all the same."""

        class Broken(Bare):
            def on_final_failure(self, *_: Any) -> None:
                raise KeyError("telling")

        connector = self.of(Broken)
        connector.add_handler("inbound", self.raising(PermanentFailure("no")))
        self.put("sms.inbound", inbound())
        self.assertEqual(1, len(self.dead("sms.inbound")))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))


class Unfit(HandlingCase):
    """What no handler sees."""

    def test_undecodable(self) -> None:
        """Bytes that are no message are a dead letter as they are."""
        self.connector()
        self.put("sms.inbound", b"\xffno message")
        [entry] = self.dead("sms.inbound")
        self.assertEqual(
            (b"undecodable", b"\xffno message"), (entry.fields["reason"], entry.fields["payload"])
        )

    def test_poison(self) -> None:
        """A message with which three workers died is a dead letter before any handler runs."""
        connector = self.connector()
        connector.add_handler("inbound", self.fail)
        inlet = connector._inlets["inbound"]
        delivery = Delivery("sms.inbound", b"1-0", self.codec.encode(inbound()), deaths=3)
        outcome = self.successResultOf(Deferred.fromCoroutine(inlet.process(delivery)))
        self.assertEqual("poison", outcome.reason)
        self.assertEqual(["!sms.inbound"], [post.queue for post in delivery.posts])

    def test_opposite(self) -> None:
        """Answers travel the other way; events are events."""
        message = inbound()
        self.assertEqual("outbound", opposite("inbound", message))
        self.assertEqual("inbound", opposite("outbound", message))
        self.assertEqual("outbound", opposite("event", message))
        self.assertIsInstance(nack(message), EventMessage)
        self.assertEqual("event", opposite("outbound", nack(message)))
