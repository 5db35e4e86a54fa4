"""Dead letters in memory: their order, their places, their notes."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory.graves import Graves, noted
from pipeline.delivery import DeadLetterEntry


class GravesTests(SynchronousTestCase):
    """Letters are kept in order, by their connector's queue."""

    def setUp(self) -> None:
        self.graves = Graves()
        self.ids = [self.graves.add("web.outbound@a1", 10 + n // 2, {}) for n in range(5)]

    def page(self, start: str, count: int = 10) -> list[str]:
        return [letter.id for letter in self.graves.page("web.outbound", start, count)]

    def test_pages(self) -> None:
        """A page begins with an id, or right after it, also when that letter is gone."""
        self.assertEqual(self.ids[:2], self.page("-", 2))
        self.assertEqual(self.ids[2:], self.page(self.ids[2]))
        self.assertEqual(self.ids[3:], self.page("(" + self.ids[2]))
        self.graves.take("web.outbound", self.ids[2])
        self.assertEqual(self.ids[3:], self.page("(" + self.ids[2]))
        self.assertEqual(self.ids[3:], self.page(self.ids[2]))

    def test_queues(self) -> None:
        """Only a queue that has letters is named, and an instance's never."""
        self.assertEqual(["web.outbound"], self.graves.queues())
        self.graves.clear(100)
        self.assertEqual([], self.graves.queues())
        self.assertIsNone(self.graves.newest("web.outbound"))

    def test_clear(self) -> None:
        """What died before a time goes, what died at it stays."""
        self.graves.clear(11)
        self.assertEqual(self.ids[2:], self.page("-"))


class Noted(SynchronousTestCase):
    """A history gets one more note."""

    def test_noted(self) -> None:
        """A note says what, when and why; what is no history is replaced."""
        for history, before in ((b"[1]", [1]), (b"", []), (b"{}", []), (b"[", [])):
            letter = DeadLetterEntry("1-1", "q", {"history": history, "reason": b"poison"})
            note = {"requeued": 1.5, "reason": "poison"}
            self.assertEqual([*before, note], json.loads(noted(letter, "requeued", 1500)))
