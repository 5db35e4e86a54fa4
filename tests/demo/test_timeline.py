"""The rows of a way add up to the whole, and each is called what it is."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.demo.timeline import rows
from pipeline.observe.trail import Point
from pipeline.outcome import DONE, Retry


def at(when: float, event: str, kind: str = "inbound", **more: Any) -> Point:
    """A point at a time."""
    known = {"took": 0.0, "name": "", "outcome": None, **more}
    return Point(
        when, known["took"], event, "web", kind, known["name"], "m", "m", None, known["outcome"]
    )


def passes(when: float, name: str, kind: str = "inbound") -> Point:
    """A middleware that took a second."""
    return at(when, "middleware", kind, took=1.0, name=name)


ANSWERED = [
    passes(3, "check publish"),
    at(3, "published"),
    at(5, "received"),
    passes(6, "tidy consume"),
    passes(9, "stamp publish", "outbound"),
    at(9, "published", "outbound"),
    at(12, "settled", outcome=DONE),
    at(13, "received", "outbound"),
    at(99, "settled", "outbound", outcome=DONE),
]

RETRIED = [
    passes(2, "check publish"),
    at(3, "received"),
    at(5, "failed"),
    at(6, "settled", outcome=Retry(1.0)),
    at(16, "received"),
    at(16.5, "published"),
    at(17, "published", "outbound"),
    at(18, "received", "outbound"),
]


class Rows(TestCase):
    """From points to rows."""

    def named(self, points: list[Point], end: float) -> list[tuple[str, str, float]]:
        found = rows(points, 0.0, end)
        self.assertAlmostEqual(end, sum(row.seconds for row in found))
        return [(row.place, row.what, row.seconds) for row in found]

    def test_answered(self) -> None:
        """A message and its answer, through both stacks."""
        self.assertEqual(
            [
                ("web", "reads the request", 2.0),
                ("web", "publish  check", 1.0),
                ("Redis", "stores it and hands it on", 2.0),
                ("work", "consume  tidy", 1.0),
                ("work", "handler", 2.0),
                ("work", "publish  stamp", 1.0),
                ("Redis", "settles it and takes the answer, in one step", 3.0),
                ("Redis", "carries the answer", 1.0),
                ("web", "writes the answer", 1.0),
            ],
            self.named(ANSWERED, 14.0),
        )

    def test_retried(self) -> None:
        """A failure, the wait, and the second try; when the store was told of comes too late."""
        self.assertEqual(
            [
                ("work", "handler fails", 2.0),
                ("Redis", "settles it: to be tried again", 1.0),
                ("Redis", "keeps it until it is due", 10.0),
                ("work", "handler", 1.0),
            ],
            self.named(RETRIED, 19.0)[3:7],
        )

    def test_nothing(self) -> None:
        """Without points all the time is one row."""
        self.assertEqual([("web", "writes the answer", 5.0)], self.named([], 5.0))

    def test_others(self) -> None:
        """What is no part of the way is left out; its time is between."""
        found = self.named([at(2, "published", "event"), *ANSWERED], 14.0)
        self.assertEqual(9, len(found))
