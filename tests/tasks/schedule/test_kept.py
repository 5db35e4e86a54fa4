"""Tests of pipeline.tasks.schedule.kept."""

from __future__ import annotations

from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.every import Every
from pipeline.tasks.schedule.kept import AHEAD, Kept
from pipeline.tasks.schedule.state import EntryState
from tests.tasks.schedule.jobs import note

NOW = 600_000


class Counting(Every):
    """A rhythm that counts how often it was asked."""

    asked: ClassVar[list[int]] = []

    def after(self, ms: int) -> int | None:
        self.asked.append(ms)
        return super().after(ms)


class Keeping(SynchronousTestCase):
    """What one worker knows of an entry."""

    def setUp(self) -> None:
        Counting.asked.clear()
        self.kept = Kept(Entry("e", note, Counting(60_000)))

    def test_new(self) -> None:
        """What was never kept begins now."""
        self.assertFalse(self.kept.goes_on(None, NOW))
        state = self.kept.begin(None, NOW + 5)
        self.assertEqual((NOW + 5, NOW + 60_000), (state.position, state.due))
        self.assertEqual(("every 60 s", note.name), (state.when, state.task))
        self.assertTrue(self.kept.goes_on(state, NOW + 5))

    def test_same_rhythm(self) -> None:
        """With the same rhythm it goes on where it was."""
        state = self.kept.begin(EntryState(position=60_000, when="every 60 s", calls=7), NOW)
        self.assertEqual((60_000, 120_000, 7), (state.position, state.due, state.calls))
        self.assertEqual(60_000, self.kept.since(state))

    def test_other_rhythm(self) -> None:
        """With another it leaves the position to who has the old one, and begins now."""
        state = self.kept.begin(EntryState(position=60_000, when="every 90 s"), NOW)
        self.assertEqual((60_000, "every 60 s"), (state.position, state.when))
        self.assertEqual(NOW, self.kept.since(state))

    def test_ahead(self) -> None:
        """A position far ahead is not believed."""
        near, far = (EntryState(position=NOW + AHEAD + n, when="every 60 s") for n in (0, 1))
        self.kept.begin(near, NOW)
        self.assertTrue(self.kept.goes_on(near, NOW))
        self.assertFalse(self.kept.goes_on(far, NOW))
        self.assertEqual(NOW, self.kept.begin(far, NOW).position)

    def test_asked_once(self) -> None:
        """The next slot is looked for once, however often it is needed."""
        found = [self.kept.after(at) for at in (5, 5, 5, 60_000, 60_000)]
        self.assertEqual(([60_000] * 3 + [120_000] * 2, [5, 60_000]), (found, Counting.asked))
