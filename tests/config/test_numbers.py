"""Numbers are exact, finite and within their limits."""

from __future__ import annotations

from hypothesis import strategies as st

from pipeline.config.numbers import ConfigFloat, ConfigInt
from tests.config.test_fields import FieldCase
from tests.properties import given


class Whole(FieldCase):
    """ConfigInt."""

    @given(st.integers())
    def test_text_too(self, number: int) -> None:
        """Every whole number passes, itself or as text."""
        self.assertEqual(number, ConfigInt("").clean(number))
        self.assertEqual(number, ConfigInt("").clean(str(number)))

    def test_refused(self) -> None:
        """Fractions, truth values and other text are refused."""
        self.assertEqual("expected a whole number, got 1.5", self.refuses(ConfigInt(""), 1.5))
        for value in (True, "1.5", "x", "", [], 1.0):
            self.assertIn("expected a whole number", self.refuses(ConfigInt(""), value))

    def test_limits(self) -> None:
        """A number outside the limits is refused with the limits in the text."""
        self.assertEqual("must be at least 1, got 0", self.refuses(ConfigInt("", minimum=1), 0))
        self.assertEqual("must be at most 9, got 10", self.refuses(ConfigInt("", maximum=9), 10))
        both = ConfigInt("", minimum=1, maximum=65535)
        self.assertEqual("must be 1-65535, got 99999", self.refuses(both, 99999))
        self.assertEqual([1, 65535], [both.clean(1), both.clean("65535")])


class Fraction(FieldCase):
    """ConfigFloat."""

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_text_too(self, number: float) -> None:
        """Every finite number passes, itself or as text."""
        self.assertEqual(number, ConfigFloat("").clean(number))
        self.assertEqual(number, ConfigFloat("").clean(repr(number)))

    def test_whole(self) -> None:
        """A whole number becomes a float."""
        self.assertIs(float, type(ConfigFloat("").clean(3)))

    def test_refused(self) -> None:
        """Truth values, text, infinities and numbers too large for a float are refused."""
        for value in (True, "x", None, [], 10**400):
            self.assertIn("expected a number", self.refuses(ConfigFloat(""), value))
        for text in ("inf", "-inf", "nan", float("inf")):
            self.assertIn("expected a finite number", self.refuses(ConfigFloat(""), text))
        low = ConfigFloat("", minimum=0, maximum=1)
        self.assertEqual("must be 0-1, got 1.5", self.refuses(low, 1.5))
