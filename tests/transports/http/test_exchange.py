"""Tests of pipeline.transports.http.exchange."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.errors import BrokerUnavailable, InvalidMessageField, QueueFull
from pipeline.message import UserMessage
from pipeline.transports.answers import Answer, HttpError
from pipeline.transports.http.exchange import Exchange
from pipeline.transports.http.waiting import WaitingRequests

PATIENCE = 5


class Exchanging(TestCase):
    """A message goes out, a reply comes back, or the client learns why not."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.broker = MemoryBroker(self.clock)
        self.broker.start()
        self.waiting = WaitingRequests(self.clock)
        self.published: list[tuple[Any, float]] = []
        self.publishing: Any = None
        self.exchange = Exchange(
            self.publish,
            self.broker,
            self.clock,
            self.waiting,
            instance="i1",
            max_waiting=2,
            max_waiting_each=2,
            publish_timeout=PATIENCE,
        )
        self.message = UserMessage(
            to_addr=None, from_addr=None, transport_name="web", transport_type="http"
        )

    def publish(self, message: Any, window: float) -> Deferred[Any]:
        self.published.append((message, window))
        return succeed(message) if self.publishing is None else self.publishing

    def ask(self, seconds: float = 10) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.exchange.ask(self.message, seconds, 3))

    def send(self) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.exchange.send(self.message))

    def refused(self, asked: Deferred[Any]) -> Answer:
        answer: Answer = self.failureResultOf(asked, HttpError).value.answer
        self.assertEqual(0, len(self.waiting))
        return answer

    def test_ask(self) -> None:
        """The message says where the reply shall go, and the reply is the result."""
        asked = self.ask()
        self.assertEqual([(self.message, 3)], self.published)
        self.assertEqual("i1", self.message.transport_metadata["reply_instance"])
        self.waiting.answer(self.message.message_id, "reply")
        self.assertEqual("reply", self.successResultOf(asked))

    def test_send(self) -> None:
        """A message whose reply nobody waits for asks for none."""
        self.successResultOf(self.send())
        self.assertEqual({}, self.message.transport_metadata)

    def test_quick_reply(self) -> None:
        """A reply that comes before the broker has said yes is not lost."""
        self.publishing = Deferred()
        asked = self.ask()
        self.waiting.answer(self.message.message_id, "reply")
        self.publishing.callback(self.message)
        self.assertEqual("reply", self.successResultOf(asked))

    def test_time_out(self) -> None:
        """No reply in time is a 504 with the id."""
        asked = self.ask(1)
        self.clock.pump([0.1] * 12)
        answer = self.refused(asked)
        self.assertEqual(
            (504, self.message.message_id), (answer.status, answer.content["error"]["id"])
        )

    def test_broker_away(self) -> None:
        """Without a broker nothing is tried, and the client told to come again."""
        self.broker.stop()
        for asked in (self.ask(), self.send()):
            answer = self.refused(asked)
            self.assertEqual((503, (("Retry-After", "1"),)), (answer.status, answer.headers))
        self.assertEqual([], self.published)

    def test_broker_slow(self) -> None:
        """A broker that doesn't answer is given up, with the id as it may still take it."""
        self.publishing = Deferred()
        asked = self.ask(100)
        self.clock.pump([1] * PATIENCE)
        answer = self.refused(asked)
        self.assertEqual(
            (503, self.message.message_id), (answer.status, answer.content["error"]["id"])
        )
        self.publishing.errback(BrokerUnavailable("later"))

    def test_errors(self) -> None:
        """Each way in which publishing fails has its status."""
        for error, status in (
            (QueueFull("full"), 503),
            (BrokerUnavailable("away"), 503),
            (InvalidMessageField("bad"), 400),
        ):
            self.publishing = fail(error)
            self.assertEqual(status, self.refused(self.ask()).status)

    def test_dropped(self) -> None:
        """What middleware drops is a 403, at once."""
        self.publishing = succeed(None)
        self.assertEqual(403, self.refused(self.ask()).status)

    def test_answered_by_middleware(self) -> None:
        """What middleware answers while publishing is the reply."""
        self.publishing = Deferred()
        asked = self.ask()
        self.waiting.answer(self.message.message_id, "from the cache")
        self.publishing.callback(None)
        self.assertEqual("from the cache", self.successResultOf(asked))

    def test_too_many(self) -> None:
        """More than so many can't wait at the same time; who doesn't wait passes."""
        for n in range(2):
            self.waiting.add(str(n), 100)
        failure = self.failureResultOf(self.ask(), HttpError)
        self.assertEqual(503, failure.value.answer.status)
        self.successResultOf(self.send())

    def test_client_gone(self) -> None:
        """Who gives up leaves nothing, and what is being published is not disturbed."""
        self.publishing = Deferred(lambda _: self.fail("cancelled"))
        asked = self.ask()
        asked.addErrback(lambda _: None)
        asked.cancel()
        self.assertEqual(0, len(self.waiting))
        self.publishing.callback(self.message)

    def test_closed(self) -> None:
        """A server that stops takes nothing more."""
        self.exchange.is_closed = True
        self.assertIn("stopping", str(self.refused(self.ask()).content))
