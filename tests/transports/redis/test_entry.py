"""What was read from a foreign place."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.transports.redis.entry import Entry, Malformed


class Entries(SynchronousTestCase):
    def test_entry(self) -> None:
        """An entry knows what tells it from others, and how long it is."""
        stream = Entry("orders", "1-0", ((b"ab", b"cde"), (b"f", b"")))
        self.assertEqual(("orders/1-0", 6), (stream.key, stream.size))
        self.assertEqual(4, Entry("news", "", b"text").size)

    def test_malformed(self) -> None:
        """What is wrong has a reason in one word."""
        self.assertEqual("malformed", Malformed("no").reason)
        self.assertEqual("oversized", Malformed("no", "oversized").reason)
