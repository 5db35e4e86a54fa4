"""Tests of pipeline.tasks.inbox."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.codec import Undecodable
from pipeline.tasks.inbox import IN_HAND, Inbox
from tests.workers import WorkerCase, inbound


class Reading(WorkerCase):
    """Gives every message once, and takes it off the queue."""

    def setUp(self) -> None:
        super().setUp()
        self.seen: list[Any] = []
        consumer = self.broker.consumer("q@1", 0, True)
        self.inbox = Inbox(consumer, self.codec, self.clock, self.seen.append)
        self.successResultOf(Deferred.fromCoroutine(self.inbox.open()))

    def test_reads(self) -> None:
        """More than fit in hand at a time are all read, in order."""
        self.put("q@1", *(inbound(str(n)) for n in range(IN_HAND + 5)))
        for _ in range(10):
            self.clock.advance(0)
        self.assertEqual([str(n) for n in range(IN_HAND + 5)], [m.content for m in self.seen])
        self.assertEqual((0, 0), self.depth("q@1")[:2])

    def test_undecodable(self) -> None:
        """What can't be decoded is given too, as such."""
        self.put("q@1", b"\xff")
        self.assertIsInstance(self.seen[0], Undecodable)

    def test_close(self) -> None:
        """After it is closed, nothing is read."""
        self.successResultOf(Deferred.fromCoroutine(self.inbox.close()))
        self.put("q@1", inbound())
        self.assertEqual([], self.seen)
