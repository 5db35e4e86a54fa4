"""Tests of pipeline.service.burst."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from pipeline.errors import BrokerUnavailable, PermanentFailure
from pipeline.service.burst import EVERY, Burst
from tests.workers import WorkerCase, inbound


class Watching(WorkerCase):
    """A worker of a connector ``sms``, and a burst that watches it."""

    def setUp(self) -> None:
        super().setUp()
        self.stopped: list[bool] = []
        self.gate: Deferred[None] | None = None
        self.worker_ = self.worker()
        self.connector_ = self.worker_.setup_connector("sms", ("inbound",), ())
        self.connector_.add_handler("inbound", self.handle)
        self.successResultOf(Deferred.fromCoroutine(self.connector_.start()))
        self.addCleanup(self.stop, self.connector_)

    def handle(self, message: Any) -> Any:
        if message.content == "bad":
            raise PermanentFailure("no")
        return self.gate

    def burst(self, wait: float = 0) -> Burst:
        parts = (
            SimpleNamespace(owner=SimpleNamespace(worker=self.worker_)),
            SimpleNamespace(owner=None),
        )
        self.system = SimpleNamespace(parts=parts, ready=Deferred(), is_stopping=False)
        made = Burst(self.system, self.clock, lambda: self.stopped.append(True), wait)
        self.addCleanup(made._look_no_more)
        self.connector_.unpause()
        self.system.ready.callback(True)
        return made

    def turn(self, times: int = 5) -> None:
        for _ in range(times):
            self.clock.advance(EVERY)

    def test_empty(self) -> None:
        """Where there is nothing it ends at once, with nothing done."""
        burst = self.burst()
        self.turn()
        self.assertEqual(([True], 0, 0), (self.stopped, burst.handled, burst.dead))

    def test_stopped(self) -> None:
        """What is in hand when somebody stops it counts when it is done."""
        self.gate = Deferred()
        self.put("sms.inbound", inbound("a"), inbound("b"))
        burst = self.burst()
        self.turn()
        self.system.is_stopping = True
        self.turn()
        self.assertEqual(0, burst.handled)
        self.gate.callback(None)
        self.turn()
        self.assertEqual(([], 2, 0), (self.stopped, burst.handled, burst.dead))

    def test_counts(self) -> None:
        """What is there is done, counted, and with it what failed for good."""
        self.put("sms.inbound", inbound("a"), inbound("bad"))
        burst = self.burst()
        self.turn()
        self.assertEqual(([True], 2, 1), (self.stopped, burst.handled, burst.dead))

    def test_in_hand(self) -> None:
        """What somebody has in hand is waited for."""
        self.gate = Deferred()
        self.put("sms.inbound", inbound("a"))
        self.burst()
        self.turn(20)
        self.assertEqual([], self.stopped)
        self.gate.callback(None)
        self.turn()
        self.assertEqual([True], self.stopped)

    def test_paused(self) -> None:
        """What waits in a paused queue, or is delayed there, is left there."""
        self.successResultOf(self.looker.overseer().pause("sms.inbound", "ada"))
        self.put("sms.inbound", inbound("a"))
        self.successResultOf(self.looker.publish([self.post("later", 500_000)]))
        burst = self.burst(wait=3)
        self.turn()
        self.assertEqual(([True], 0), (self.stopped, burst.handled))

    def test_delayed(self) -> None:
        """What is delayed is waited for as long as is asked, once all else is done."""
        delayed = self.looker.publish([self.post("later", 500_000)])
        self.successResultOf(delayed)
        self.burst(wait=3)
        self.turn(25)
        self.assertEqual([], self.stopped)
        self.turn(10)
        self.assertEqual([True], self.stopped)

    def post(self, content: str, delay: int) -> Any:
        from pipeline.delivery import Post

        return Post("sms.inbound", self.codec.encode(inbound(content)), delay=delay)

    def test_not_ready(self) -> None:
        """A system that could not start is left alone; so is one that stops already."""
        burst = self.burst()
        self.system.is_stopping = True
        self.turn()
        self.assertEqual([], self.stopped)
        system = SimpleNamespace(parts=(), ready=succeed(False), is_stopping=False)
        Burst(system, self.clock, lambda: self.stopped.append(True))
        self.turn()
        self.assertEqual(([], 0), (self.stopped, burst.handled))

    def test_away(self) -> None:
        """A server that is away is asked again later."""
        depth = self.broker.depth
        self.patch(self.broker, "depth", lambda queue: fail(BrokerUnavailable("away")))
        self.burst()
        self.turn()
        self.assertEqual([], self.stopped)
        self.patch(self.broker, "depth", depth)
        self.clock.advance(1)
        self.turn()
        self.assertEqual([True], self.stopped)
