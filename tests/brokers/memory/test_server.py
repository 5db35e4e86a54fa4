"""What memory brokers share."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory import MemoryBroker, MemoryServer
from pipeline.delivery import Post


class MemoryServerTests(SynchronousTestCase):
    """Who lives, who is dead, and what is next on the clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = MemoryServer(self.clock)

    def broker(self, dead_after: float = 15.0) -> MemoryBroker:
        broker = MemoryBroker(self.clock, server=self.server, dead_after=dead_after)
        broker.start()
        self.addCleanup(broker.stop)
        return broker

    def test_one_alarm(self) -> None:
        """However much is delayed, one call is on the clock."""
        broker = self.broker()
        for delay in (300, 100, 200):
            broker.publish([Post("q", b"", delay=delay)])
        [call] = self.clock.getDelayedCalls()
        self.assertEqual(0.1, call.getTime())
        self.clock.advance(0.1)
        [call] = self.clock.getDelayedCalls()
        self.assertEqual(0.2, call.getTime())

    def test_a_watch_begins_with_its_watcher(self) -> None:
        """A worker that starts after the death has to watch for ``dead_after`` itself."""
        dying = self.broker()
        dying.publish([Post("q", b"x")])
        self.successResultOf(dying.consumer("q").take(1))
        dying.die()
        self.clock.advance(100)
        taking = self.broker().consumer("q").take(1)
        self.clock.advance(14.9)
        self.assertNoResult(taking)
        self.clock.advance(0.1)
        self.assertEqual(1, len(self.successResultOf(taking)))

    def test_first_to_notice(self) -> None:
        """The most impatient of the living decides."""
        dying = self.broker()
        self.broker(dead_after=30)
        taking = self.broker(dead_after=2).consumer("q").take(1)
        dying.publish([Post("other", b"x"), Post("other", b"y")])
        self.successResultOf(dying.consumer("other").take(2))
        dying.die()
        self.assertNoResult(taking)
        self.assertEqual([2.0], [call.getTime() for call in self.clock.getDelayedCalls()])

    def test_back_in_time(self) -> None:
        """A broker that is started again before it was called dead keeps what it holds."""
        broker, other = self.broker(), self.broker()
        broker.publish([Post("q", b"x")])
        self.successResultOf(broker.consumer("q").take(1))
        broker.stop()
        self.clock.advance(10)
        broker.start()
        taking = other.consumer("q").take(1)
        self.clock.advance(100)
        self.assertNoResult(taking)

    def test_first_come(self) -> None:
        """Of several that wait, the one that has waited longest is served first."""
        broker = self.broker()
        first, second = (broker.consumer("q").take(1) for _ in range(2))
        broker.publish([Post("q", b"1")])
        self.assertEqual(b"1", self.successResultOf(first)[0].payload)
        self.assertNoResult(second)

    def test_take_from_a_callback(self) -> None:
        """Who takes again as soon as it was given something gets the next, too."""
        consumer = self.broker().consumer("q")
        taken: list[bytes] = []

        def more(deliveries: list[object]) -> None:
            taken.extend(delivery.payload for delivery in deliveries)  # type: ignore[attr-defined]
            if len(taken) < 3:
                consumer.take(1).addCallback(more)

        consumer.take(1).addCallback(more)
        publisher = self.broker()
        publisher.publish([Post("q", b"1"), Post("q", b"2")])
        publisher.publish([Post("q", b"3")])
        self.assertEqual([b"1", b"2", b"3"], taken)
