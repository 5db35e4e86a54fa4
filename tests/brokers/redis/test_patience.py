"""Asking again until the server has answered, and not in a tight loop."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.patience import ask_patiently
from pipeline.errors import BrokerUnavailable, ServerRefused


class Client:
    """As much of a client as patience needs."""

    def __init__(self) -> None:
        self.connected = True
        self.up: Deferred[None] = Deferred()

    def when_up(self) -> Deferred[None]:
        return self.up


class Patience(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.client: Any = Client()
        self.answers: list[Any] = []
        self.asked = 0

    def ask(self) -> Deferred[Any]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)

    def begin(self, *answers: Any) -> Deferred[Any]:
        self.answers = list(answers)
        return Deferred.fromCoroutine(ask_patiently(self.client, self.clock, self.ask, "it"))

    def test_at_once(self) -> None:
        """An answer is an answer."""
        self.assertEqual((7, False), self.successResultOf(self.begin(7)))

    def test_passing(self) -> None:
        """What will pass is waited for, with pauses that grow."""
        for code in ("BUSY", "LOADING", "OOM", "READONLY", "TRYAGAIN"):
            waiting = self.begin(ServerRefused("later", code), "ok")
            self.assertNoResult(waiting)
            self.clock.advance(0.05)
            self.assertEqual(("ok", False), self.successResultOf(waiting))

    def test_no_tight_loop(self) -> None:
        """A minute of refusals is a few dozen questions."""
        waiting = self.begin(BrokerUnavailable("too many commands in flight"))
        for _ in range(600):
            self.clock.advance(0.1)
        self.assertLess(self.asked, 80)
        self.assertNoResult(waiting)
        waiting.addErrback(lambda failure: None).cancel()

    def test_refused(self) -> None:
        """What is refused for good is told."""
        self.failureResultOf(self.begin(ServerRefused("no", "WRONGTYPE")), ServerRefused)

    def test_lost_answer(self) -> None:
        """Whoever gets the answer knows that an earlier one may have been lost."""
        waiting = self.begin(BrokerUnavailable("cut"), "ok")
        self.clock.advance(1)
        self.assertEqual(("ok", True), self.successResultOf(waiting))

    def test_not_sent(self) -> None:
        """Without a connection nothing was sent, and nothing lost."""
        self.client.connected = False
        waiting = self.begin(BrokerUnavailable("down"), "ok")
        self.assertNoResult(waiting)
        self.client.up.callback(None)
        self.assertEqual(("ok", False), self.successResultOf(waiting))

    def test_stopped(self) -> None:
        """When nobody tries to connect any more, patience ends."""
        self.client.connected = False
        waiting = self.begin(BrokerUnavailable("down"))
        self.client.up.errback(BrokerUnavailable("stopped"))
        self.failureResultOf(waiting, BrokerUnavailable)
