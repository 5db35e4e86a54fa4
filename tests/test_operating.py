"""What an operator sees and may do, as values."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline import operating
from pipeline.operating import MOST_BY, MOST_NAME, MOST_REASON, checked_pause


class Values(SynchronousTestCase):
    """Limits and names."""

    def test_checked_pause(self) -> None:
        """Texts of a pause may be as long as is said, and an error tells which one is longer."""
        checked_pause("q" * MOST_NAME, "b" * MOST_BY, "r" * MOST_REASON)
        for which, given in {
            "queue": ("q" * (MOST_NAME + 1), "b", "r"),
            "by": ("q", "b" * (MOST_BY + 1), "r"),
            "reason": ("q", "b", "r" * (MOST_REASON + 1)),
        }.items():
            with self.assertRaises(ValueError) as caught:
                checked_pause(*given)
            self.assertRegex(str(caught.exception), f"{which} has .* characters, .* are allowed")

    def test_public(self) -> None:
        """All public names are there."""
        for name in operating.__all__:
            self.assertTrue(hasattr(operating, name), name)
