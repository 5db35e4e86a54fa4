"""Tests of pipeline.search.trouble."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.search.trouble import Trouble
from tests.workers import WorkerCase, inbound


def price(article: str) -> None:
    """Fails."""
    raise ValueError(f"no price for '{article}' in list 4711")


def other(article: str) -> None:
    """Fails with the same words somewhere else."""
    raise ValueError(f"no price for '{article}' in list 4711")


class Silent(Exception):
    """Can't say what it is."""

    def __str__(self) -> str:
        raise RuntimeError


def trouble(function: Any, *args: Any) -> Trouble:
    """What is known of what a function raises."""
    try:
        function(*args)
    except Exception as error:  # noqa: BLE001
        return Trouble.of(error)
    raise AssertionError


class Known(SynchronousTestCase):
    """What is known of an exception."""

    def test_parts(self) -> None:
        """Class, text, place and traceback."""
        known = trouble(price, "tea")
        self.assertEqual("ValueError: no price for 'tea' in list 4711", known.title)
        self.assertEqual("test_trouble.py:price", known.place)
        self.assertTrue(known.traceback.endswith("ValueError: no price for 'tea' in list 4711\n"))

    def test_same(self) -> None:
        """What is quoted and numbered makes no difference; the place, words and class do."""
        self.assertEqual(trouble(price, "tea").fingerprint, trouble(price, "milk").fingerprint)
        self.assertNotEqual(trouble(price, "tea").fingerprint, trouble(other, "tea").fingerprint)
        prints = {
            Trouble(*each).fingerprint for each in (("A", "x"), ("A", "y"), ("B", "x"), ("A", "x"))
        }
        self.assertEqual(3, len(prints))

    def test_likeness(self) -> None:
        """Numbers, ids and quoted text are what varies; words are not."""
        said = 'id 5f3c-9a of "a b": 12.5, 0x7F added'
        self.assertEqual("id N of '..': N.N, N added", Trouble("E", said).likeness)

    def test_elsewhere(self) -> None:
        """Of what was raised in another process the place and the traceback are from there."""
        raised = trouble(price, "tea")
        error = ValueError(raised.message)
        error.__dict__["remote_traceback"] = raised.traceback
        known = trouble(_raise, error)
        self.assertEqual((raised.place, raised.traceback), (known.place, known.traceback))
        self.assertEqual(raised.fingerprint, known.fingerprint)

    def test_never_raised(self) -> None:
        """An exception that was made and never raised has no place."""
        self.assertEqual(
            ("", "KeyError"), (Trouble.of(KeyError()).place, Trouble("KeyError").title)
        )

    def test_bounds(self) -> None:
        """Of a long text and a deep traceback only so much is kept."""

        def deep(left: int) -> None:
            if not left:
                raise ValueError("x" * 100_000)
            deep(left - 1)

        known = trouble(deep, 200)
        self.assertEqual((2000, 16_000), (len(known.message), len(known.traceback)))

    def test_can_not_say(self) -> None:
        """An exception whose text can't be had is told without it."""
        self.assertIn("failed", trouble(_raise, Silent()).message)

    def test_quick(self) -> None:
        """Text made to hold the search for quotes up doesn't."""
        for text in ("'" * 2000, "\"'`" * 700, "0-" * 1000, "abcdef" * 300):
            self.assertTrue(Trouble("E", text).fingerprint)


class Letters(WorkerCase):
    """A dead letter tells of the same trouble as the exception did."""

    def test_letter(self) -> None:
        """Class, text, place and so the fingerprint are what they were."""
        connector = self.connector(retry={"attempts": 1})
        connector.add_handler("inbound", lambda message: price(message.content))
        self.put("sms.inbound", inbound("tea"))
        [letter] = self.dead("sms.inbound")
        told = Trouble.of_letter(letter.fields)
        raised = trouble(price, "tea")
        self.assertEqual((raised.title, raised.place), (told.title, told.place))
        self.assertEqual(raised.fingerprint, told.fingerprint)

    def test_bare(self) -> None:
        """A letter of which nothing is known is no error."""
        self.assertEqual(Trouble("", ""), Trouble.of_letter({}))


def _raise(error: Exception) -> None:
    raise error
