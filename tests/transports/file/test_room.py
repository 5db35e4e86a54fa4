"""Tests of pipeline.transports.file.room."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pipeline.transports.file.rest import Rest
from pipeline.transports.file.room import Room
from tests.workers import WorkerCase, inbound


class Waiting(WorkerCase):
    """Who publishes waits for room."""

    def room(self, max_depth: int) -> Room:
        self.rest = Rest(self.clock)
        return Room(self.broker, "sms.inbound", max_depth, self.rest)

    def test_any(self) -> None:
        """Without a limit there is room for all that is wanted."""
        self.put("sms.inbound", *[inbound()] * 10)
        self.assertEqual(500, self.successResultOf(Deferred.fromCoroutine(self.room(0).wait(500))))

    def test_some(self) -> None:
        """There is room up to the limit; when there is none it is waited for."""
        room = self.room(5)
        self.put("sms.inbound", *[inbound()] * 3)
        self.assertEqual(2, self.successResultOf(Deferred.fromCoroutine(room.wait(500))))
        self.assertEqual(1, self.successResultOf(Deferred.fromCoroutine(room.wait(1))))
        self.put("sms.inbound", *[inbound()] * 4)
        waited = Deferred.fromCoroutine(room.wait(500))
        self.clock.advance(1)
        self.assertNoResult(waited)
        self.taken("sms.inbound")
        self.clock.advance(1)
        self.assertEqual(5, self.successResultOf(waited))

    def test_over(self) -> None:
        """At the end there is none."""
        room = self.room(1)
        self.put("sms.inbound", inbound())
        waited = Deferred.fromCoroutine(room.wait(500))
        self.rest.end()
        self.assertEqual(0, self.successResultOf(waited))
