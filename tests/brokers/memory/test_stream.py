"""One queue in memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory.stream import Stream


class StreamTests(SynchronousTestCase):
    """Each entry has one holder, and one end."""

    def setUp(self) -> None:
        self.now = 1000
        self.stream = Stream(lambda: self.now)

    def fill(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.stream.add(payload, {})

    def test_ids(self) -> None:
        """Ids grow, though the clock stands still or goes back."""
        self.fill(b"1", b"2")
        self.now = 900
        self.fill(b"3")
        self.now = 2000
        self.fill(b"4")
        ids = [entry.id for entry in self.stream.take("w", 9)]
        self.assertEqual([b"1000-0", b"1000-1", b"1000-2", b"2000-0"], ids)

    def test_time_of_publishing(self) -> None:
        """The first time of publishing is kept; without one it is now."""
        self.stream.add(b"", {})
        self.stream.add(b"", {b"t": b"7", b"d": b"2"})
        first, second = self.stream.take("w", 2)
        self.assertEqual((b"1000", b"7"), (first.headers[b"t"], second.headers[b"t"]))
        self.assertEqual((0, 2), (first.deaths, second.deaths))

    def test_acknowledged_once(self) -> None:
        """Only the first to acknowledge an entry gets it; one that nobody took can't be."""
        self.fill(b"1", b"2")
        [entry] = self.stream.take("w", 1)
        self.assertIn(entry.id, self.stream)
        self.assertIs(entry, self.stream.acknowledge(entry.id))
        self.assertIsNone(self.stream.acknowledge(entry.id))
        self.assertIsNone(self.stream.acknowledge(b"1000-1"))
        self.assertEqual((1, 0), (len(self.stream), self.stream.in_hand))

    def test_suspects_in_order(self) -> None:
        """What several dead held is given out in the queue's order, each death counted."""
        self.fill(b"1", b"2", b"3", b"4")
        for worker in ("a", "b", "a", "living"):
            self.stream.take(worker, 1)
        self.stream.abandon("b")
        self.stream.abandon("a")
        taken = [self.stream.take_suspect("c") for _ in range(4)]
        self.assertEqual([b"1", b"2", b"3"], [entry.payload for entry in taken if entry])
        self.assertEqual({1}, {entry.deaths for entry in taken if entry})
        self.assertEqual({b"d": b"1", b"t": b"1000"}, taken[0].counted() if taken[0] else None)

    def test_suspect_settled_late(self) -> None:
        """A suspect that its first holder settles after all is given to nobody."""
        self.fill(b"1")
        [entry] = self.stream.take("a", 1)
        self.stream.abandon("a")
        self.stream.acknowledge(entry.id)
        self.assertIsNone(self.stream.take_suspect("b"))

    def test_drain(self) -> None:
        """Draining brings everything, taken or not, in order, and leaves nothing."""
        self.fill(b"1", b"2", b"3")
        self.stream.take("a", 2)
        self.stream.abandon("a")
        self.assertEqual([b"1", b"2", b"3"], [entry.payload for entry in self.stream.drain()])
        self.assertEqual(0, len(self.stream))
        self.assertIsNone(self.stream.take_suspect("b"))

    def test_tokens(self) -> None:
        """No two queues have the same token."""
        self.assertNotEqual(self.stream.token, Stream(lambda: 0).token)
