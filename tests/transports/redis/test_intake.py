"""Storing entries, or keeping them as dead letters."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from pipeline.errors import Drop, PermanentFailure, QueueFull, RetryLater
from pipeline.transports.redis.config import ReadConfig
from pipeline.transports.redis.entry import Entry
from pipeline.transports.redis.intake import Intake
from pipeline.transports.redis.inward import Inward
from pipeline.transports.statistics import Statistics
from tests.workers import WorkerCase

QUEUE = "orders.inbound"


class Storing(WorkerCase):
    """With a way to publish that does as it is told."""

    def setUp(self) -> None:
        super().setUp()
        made = self.worker()
        made.statistics = self.statistics = Statistics()
        self.published: list[Any] = []
        #: What the next tries to publish do: an error, or None for success.
        self.plan: list[Exception | None] = []
        inward = Inward(ReadConfig({"list": "orders"}), "orders", "redis")
        self.intake = Intake(made, inward, QUEUE, self.publish, 60.0)

    async def publish(self, message: Any) -> Any:
        error = self.plan.pop(0) if self.plan else None
        if error is not None:
            raise error
        self.published.append(message.content)
        return message

    def store(self, *items: bytes) -> Deferred[None]:
        entries = [Entry("orders", str(n), item) for n, item in enumerate(items)]
        return Deferred.fromCoroutine(self.intake.store(entries))

    def test_waits(self) -> None:
        """What there is no room for waits, however long, and nothing is a dead letter."""
        self.plan = [QueueFull("full")] * 20
        storing = self.store(b'{"content": "a"}')
        self.clock.pump([0.5] * 30)
        self.assertNoResult(storing)
        self.clock.pump([0.5] * 60)
        self.successResultOf(storing)
        self.assertEqual((["a"], []), (self.published, self.dead(QUEUE)))

    def test_in_order(self) -> None:
        """Entries are published in their order."""
        self.successResultOf(self.store(b'{"content": "a"}', b'{"content": "b"}'))
        self.assertEqual(["a", "b"], self.published)

    def test_retried(self) -> None:
        """An error of middleware is tried again, then a dead letter; the entry is settled."""
        self.plan = [ValueError("no")] * 3
        storing = self.store(b'{"content": "a"}')
        self.clock.pump([1.0] * 10)
        self.successResultOf(storing)
        [letter] = self.dead(QUEUE)
        self.assertEqual((b"exhausted", b"3"), (letter.fields["reason"], letter.fields["attempts"]))
        self.assertEqual(b"orders 0", letter.fields["where"])
        self.assertEqual([], self.published)
        self.flushLoggedErrors()

    def test_verdicts(self) -> None:
        """What middleware puts off is tried later; what it drops is settled; what it refuses for
        good is a dead letter at once."""
        self.plan = [RetryLater(5)]
        storing = self.store(b'{"content": "later"}')
        self.clock.advance(4)
        self.assertEqual([], self.published)
        self.clock.advance(2)
        self.successResultOf(storing)
        self.assertEqual(["later"], self.published)
        self.plan = [Drop("no")]
        self.successResultOf(self.store(b"{}"))
        self.assertEqual(1, self.statistics.counts["dropped"])
        self.plan = [PermanentFailure("never")]
        self.successResultOf(self.store(b"{}"))
        self.assertEqual(b"permanent", self.dead(QUEUE)[0].fields["reason"])

    def test_malformed_once(self) -> None:
        """An entry that is read again, since word of its end was lost, is one dead letter."""
        for _ in range(2):
            self.successResultOf(self.store(b"{"))
        [letter] = self.dead(QUEUE)
        self.assertEqual((b"malformed", b"{"), (letter.fields["reason"], letter.fields["payload"]))

    def test_cancelled(self) -> None:
        """Storing can be given up."""
        self.plan = [QueueFull("full")] * 99
        storing = self.store(b"{}", b"{}")
        storing.cancel()
        self.failureResultOf(storing, CancelledError)
        self.assertEqual([], self.clock.getDelayedCalls())
