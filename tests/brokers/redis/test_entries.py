"""Entries become deliveries, and deliveries messages again."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.entries import Entries, again
from pipeline.brokers.redis.units import fields
from pipeline.delivery import Delivery

ID = b"1700000000123-4"


class Reading(SynchronousTestCase):
    def read(self, *values: bytes, deaths: int = 0) -> Delivery:
        return Entries("work.inbound", 2, None).delivery(b"token", ID, values, deaths)

    def test_first_time(self) -> None:
        """A bare message is at its first attempt; its id tells when it came."""
        job = self.read(b"m", b"x")
        self.assertEqual((b"x", 1, 0, b""), (job.payload, job.attempt, job.deaths, job.history))
        self.assertEqual((1700000000123, 2, b"token"), (job.enqueued_at, job.partition, job.token))

    def test_headers(self) -> None:
        """The others say what they are; deaths add up."""
        job = self.read(b"m", b"x", b"a", b"3", b"t", b"17", b"d", b"2", b"h", b"[]", deaths=1)
        self.assertEqual((3, 17, 3, b"[]"), (job.attempt, job.enqueued_at, job.deaths, job.history))

    def test_nonsense(self) -> None:
        """What a stranger wrote is read as well as it goes, and never raises."""
        job = self.read(b"a", b"-1", b"t", b"\xff", b"d", b"9" * 400, b"odd")
        self.assertEqual((b"", 1, 0), (job.payload, job.attempt, job.deaths))
        self.assertEqual(1700000000123, job.enqueued_at)

    def test_again(self) -> None:
        """A message that goes back to its queue comes out as it was."""
        values = (b"m", b"x", b"a", b"3", b"t", b"17", b"d", b"2", b"h", b"[1]")
        post = again(self.read(*values), 0)
        self.assertEqual("work.inbound", post.queue)
        self.assertEqual(values, fields(post))

    def test_short_id(self) -> None:
        """An id that somebody chose himself is an id."""
        job = Entries("q", 0, None).delivery(b"", b"5-1", (b"m", b"x"))
        self.assertEqual(5, job.enqueued_at)

    def test_again_later(self) -> None:
        """One that was postponed comes after what is left of its wait."""
        job = self.read(b"m", b"x")
        job.wait = 12.5
        self.assertEqual([2500, 0], [again(job, now).delay for now in (10, 13)])
