"""Tests of pipeline.observe.aftermath."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.delivery import DeadLetterEntry
from pipeline.observe.aftermath import end_of, told
from pipeline.observe.letters import Letter
from pipeline.search.trouble import Trouble

TROUBLE = Trouble("KeyError", "'tea'", "shop.py:price")


def letter(id: str, queue: str = "sms.inbound", *history: Any) -> Letter:
    """A dead letter with a history."""
    fields = {"reason": b"exhausted", "history": json.dumps(history).encode()}
    return Letter(DeadLetterEntry(id, queue, fields))


class Ends(SynchronousTestCase):
    """What helped a message."""

    def test_ends(self) -> None:
        """Another attempt, being put back, an edit; and how often it was put back."""
        tried, back, edited = {"attempt": 1}, {"requeued": 1}, {"edited": 2}
        for expected, history in (
            (("retried", 0), [tried]),
            (("put_back", 2), [tried, back, tried, back]),
            (("edited", 1), [tried, edited, back]),
            (("retried", 0), ["a text", 5]),
        ):
            self.assertEqual(expected, end_of(json.dumps(history).encode()))
        self.assertEqual(("retried", 0), end_of(b"nonsense"))


class Told(SynchronousTestCase):
    """The story of a failure."""

    def test_whole(self) -> None:
        """How often, when, and what came of it; then each queue's letters."""
        record = {
            "failed": "9",
            "died": "7",
            "first": "1700000000.5",
            "last": "1700003600",
            "retried": "2",
            "put_back": "1",
            "times_put_back": "1",
        }
        letters = [
            letter("1700000100000-0", "sms.inbound", {"requeued": 1, "reason": "x"}, {"edited": 1}),
            letter("1700000200000-0"),
            letter("1700000300000-0", "web.inbound"),
        ]
        whole, sms, web = told(TROUBLE, record, letters)
        self.assertEqual("KeyError: 'tea'", whole.title)
        self.assertEqual((9, "failed 9 times in shop.py:price"), (whole.votes, whole.note))
        self.assertEqual(
            "First 2023-11-14 22:13:20 UTC, last 2023-11-14 23:13:20 UTC.\n\n"
            "- 3 still dead\n"
            "- 2 went well when tried again\n"
            "- 1 went well after being put back\n"
            "- 2 gone: thrown away, or put back and not done yet",
            whole.answer,
        )
        self.assertEqual(("sms.inbound: exhausted", "2 dead letters"), (sms.title, sms.note))
        self.assertEqual(
            "The newest is 1700000200000-0, of 2023-11-14 22:16:40 UTC:\n"
            "    pipeline dead show FILE 1700000200000-0\n\n"
            "- put back, and dead again: once\n"
            "- edited once",
            sms.answer,
        )
        self.assertEqual(("web.inbound: exhausted", "1 dead letter"), (web.title, web.note))

    def test_some(self) -> None:
        """When not all letters were looked at, it says so, and says nothing of those gone."""
        [whole, _] = told(TROUBLE, {"failed": "9", "died": "9"}, [letter("1-0")], 10)
        self.assertIn("- 1 still dead, of the first 10 letters, which were looked at", whole.answer)
        self.assertNotIn("gone", whole.answer)
