"""What there is to see of a connector."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pipeline.connector.observed import Progress
from tests.workers import WorkerCase, inbound


class Seen(WorkerCase):
    """A connector as it works, fills up and ends."""

    def progress(self, queue: str) -> Progress:
        [found] = [each for each in self.sms.progress() if each.queue == queue]
        return found

    def setUp(self) -> None:
        super().setUp()
        self.sms = self.connector(max_in_flight=2)
        self.held: list[Deferred[None]] = []
        self.sms.add_handler("inbound", lambda message: self.hold())

    def hold(self) -> Deferred[None]:
        self.held.append(Deferred())
        return self.held[-1]

    def test_idle(self) -> None:
        """It reads, has nothing in hand, and owes nobody anything."""
        seen = self.progress("sms.inbound")
        self.assertEqual(Progress("sms.inbound", 0, True, False, None, 0, b"", False), seen)
        self.assertEqual((0, 2), (self.sms.in_hand, self.sms.max_in_flight))
        self.assertEqual(["sms.inbound", "sms.event"], self.sms.reads)

    def test_full(self) -> None:
        """What is in hand is counted, the newest is known, and all its queues are full with it."""
        self.put("sms.inbound", *map(inbound, "abc"))
        seen = self.progress("sms.inbound")
        self.assertEqual((2, True, False), (seen.in_hand, seen.is_full, seen.is_halted))
        self.assertTrue(seen.newest)
        self.assertTrue(self.progress("sms.event").is_full)
        self.held[0].callback(None)
        self.clock.advance(0)
        self.assertNotEqual(seen.newest, self.progress("sms.inbound").newest)

    def test_paused(self) -> None:
        """What is paused doesn't read; nor does what has stopped, of which nothing is seen."""
        self.sms.pause()
        self.assertFalse(self.progress("sms.inbound").is_reading)
        self.stop(self.sms)
        self.assertEqual(([], []), (self.sms.progress(), self.sms.reads))

    def test_halted(self) -> None:
        """A reader that has room and forgot to read is seen."""
        reader = self.sms._flow.sources[0].reader
        reader.consumer.interrupt()
        assert reader._again is not None
        self.assertFalse(self.progress("sms.inbound").is_halted)
        reader._again.cancel()
        reader._again = None
        self.assertTrue(self.progress("sms.inbound").is_halted)
