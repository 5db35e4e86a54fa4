"""A wait can be ended early, and loses nothing by it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.wakeable import Wakeable
from pipeline.errors import BrokerUnavailable


class Connection:
    """As much of a client as is needed."""

    connected = True
    client_id: int | None = 7

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.answers: list[Any] = [1]

    def execute(self, *words: Any) -> Deferred[Any]:
        self.told.append(words)
        answer = self.answers.pop(0)
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)


class Waiting(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.reader: Any = Connection()
        self.client: Any = Connection()
        self.wakeable = Wakeable(self.reader, self.client, self.clock)

    def wait(self) -> tuple[Deferred[Any], Deferred[Any]]:
        waiting: Deferred[Any] = Deferred()
        return waiting, Deferred.fromCoroutine(self.wakeable.wait(waiting))

    def wake(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.wakeable.wake())

    def test_result(self) -> None:
        """A wait brings what came."""
        waiting, result = self.wait()
        waiting.callback("x")
        self.assertEqual("x", self.successResultOf(result))

    def test_unblocked(self) -> None:
        """To wake tells the server; what the read has brings the read itself."""
        waiting, result = self.wait()
        self.successResultOf(self.wake())
        self.assertEqual([("CLIENT", "UNBLOCK", 7)], self.client.told)
        self.assertNoResult(result)
        waiting.callback(["something"])
        self.assertEqual(["something"], self.successResultOf(result))

    def test_not_blocked_yet(self) -> None:
        """A read that has not reached the server yet is unblocked when it has."""
        self.client.answers = [0, 0, 1]
        self.wait()
        waking = self.wake()
        self.clock.advance(0.01)
        self.assertNoResult(waking)
        self.clock.advance(0.01)
        self.successResultOf(waking)

    def test_came_meanwhile(self) -> None:
        """A read that ends by itself needs no more waking."""
        self.client.answers = [0]
        waiting, _ = self.wait()
        waking = self.wake()
        waiting.callback("x")
        self.clock.advance(0.01)
        self.successResultOf(waking)

    def test_no_connection(self) -> None:
        """What waits for a connection is simply given up."""
        self.reader.connected = False
        _, result = self.wait()
        self.successResultOf(self.wake())
        self.assertIsNone(self.successResultOf(result))

    def test_server_away(self) -> None:
        """If the server can't be told, the read ends when its time is over."""
        self.client.answers = [BrokerUnavailable("down")]
        _, result = self.wait()
        self.successResultOf(self.wake())
        self.assertNoResult(result)

    def test_nothing_waits(self) -> None:
        """To wake what does not wait is remembered only."""
        self.successResultOf(self.wake())
        self.assertTrue(self.wakeable.woken)
        self.assertEqual([], self.client.told)

    def test_cancelled(self) -> None:
        """Who cancels the wait gets to know it."""
        _, result = self.wait()
        result.cancel()
        self.failureResultOf(result, CancelledError)
        result = Deferred.fromCoroutine(self.wakeable.rest(Deferred()))
        result.cancel()
        self.failureResultOf(result, CancelledError)

    def test_rest(self) -> None:
        """What is no read ends at once when it is woken, and the server is not asked."""
        resting = Deferred.fromCoroutine(self.wakeable.rest(Deferred()))
        self.assertNoResult(resting)
        self.successResultOf(self.wake())
        self.assertIsNone(self.successResultOf(resting))
        self.assertEqual([], self.client.told)
