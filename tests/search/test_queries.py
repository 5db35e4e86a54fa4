"""Tests of pipeline.search.queries."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.search.queries import queries
from pipeline.search.trouble import Trouble


class Tries(SynchronousTestCase):
    """From the whole text down to the class alone."""

    def test_three(self) -> None:
        """Class and text; the text up to its first quote; the class."""
        said = "invalid literal for int() with base 10: 'abc'"
        self.assertEqual(
            [f"ValueError: {said}", "invalid literal for int() with base 10", "ValueError"],
            queries(Trouble("ValueError", said)),
        )

    def test_fewer(self) -> None:
        """None is made twice, and none of nothing."""
        self.assertEqual(["KeyError"], queries(Trouble("KeyError")))
        self.assertEqual(["KeyError: 'a'", "KeyError"], queries(Trouble("KeyError", "'a'")))

    def test_first_line(self) -> None:
        """Of a long text the first line counts, and not all of that."""
        whole, start, _ = queries(Trouble("E", "first\nsecond"))
        self.assertEqual(("E: first", "first"), (whole, start))
        self.assertEqual(150, len(queries(Trouble("E", "x " * 5000))[0]))

    def test_private(self) -> None:
        """Addresses, numbers of telephones, keys and passwords are asked nobody."""
        for private in (
            "ann@example.com",
            "+27 82 555 1234",
            "sk_live_51Hx9abcdefgh",
            "password=hunter2",
            "https://user:pw@host/x",
            "token: abc",
        ):
            tries = queries(Trouble("E", f"bad {private} now"))
            self.assertEqual(["E: bad now", "bad now", "E"], tries)

    def test_clean(self) -> None:
        """No escape is sent."""
        self.assertEqual("E: a[2J", queries(Trouble("E", "a\x1b[2J"))[0])
