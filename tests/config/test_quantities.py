"""Times and sizes are read with their units."""

from __future__ import annotations

from hypothesis import strategies as st

from pipeline.config.quantities import ConfigDuration, ConfigSize, parse_duration, parse_size
from tests.config.test_fields import FieldCase
from tests.properties import given


class Duration(FieldCase):
    """ConfigDuration and parse_duration."""

    def test_units(self) -> None:
        """Each unit counts in seconds, and so does a number without one."""
        texts = ["250ms", "5s", "2m", "1h", "7d", "1.5 s", "30"]
        seconds = [0.25, 5, 120, 3600, 604800, 1.5, 30]
        self.assertEqual(seconds, [parse_duration(text) for text in texts])
        self.assertEqual([0, 2.5], [ConfigDuration("").clean(each) for each in (0, 2.5)])

    def test_refused(self) -> None:
        """Negative, unknown and shapeless times are refused."""
        text = "expected a span of time, as 250ms, 5s, 2m, 1h or 7d (or a number of seconds), got"
        self.assertEqual(f"{text} '5 parsecs'", self.refuses(ConfigDuration(""), "5 parsecs"))
        for value in (-1, "-1s", True, "", "s", [], float("inf"), "5M"):
            self.assertIn(text, self.refuses(ConfigDuration(""), value))

    def test_absurd(self) -> None:
        """What no clock could be told is refused, and not shown at length."""
        for value in (
            10**300,
            10**4000,
            float("nan"),
            "9" * 301,
            "9" * 5000 + "ms",
            "9" * 5000 + ".5",
        ):
            said = self.refuses(ConfigDuration(""), value)
            self.assertIn("expected a span of time", said)
            self.assertLess(len(said), 200)
        self.assertLess(parse_duration("9" * 300 + "d"), float("inf"))


class Size(FieldCase):
    """ConfigSize and parse_size."""

    def test_units(self) -> None:
        """Units are powers of 1024 in any case; the letter alone and the i make no difference."""
        texts = ["512", "512B", "1kB", "1KB", "1k", "1KiB", "1MB", "2gb", "1T", "0.5k"]
        sizes = [512, 512, 1024, 1024, 1024, 1024, 1 << 20, 2 << 30, 1 << 40, 512]
        self.assertEqual(sizes, [parse_size(text) for text in texts])

    @given(st.integers(min_value=0))
    def test_exact(self, size: int) -> None:
        """A whole number of bytes is never rounded, however large."""
        self.assertEqual(size, ConfigSize("").clean(size))
        self.assertEqual(size * 1024, ConfigSize("").clean(f"{size}kB"))

    def test_refused(self) -> None:
        """Negative, broken and shapeless sizes are refused."""
        text = "expected a size, as 512, 64kB, 1MB or 2GB, got"
        self.assertEqual(f"{text} '1 MBit'", self.refuses(ConfigSize(""), "1 MBit"))
        for value in (-1, 0.5, "0.3k", True, None, "MB", float("nan")):
            self.assertIn(text, self.refuses(ConfigSize(""), value))

    def test_absurd(self) -> None:
        """What Python reads as no number, or as none of that size, is refused the same way."""
        for value in (10**300, 10**4000, "9" * 301, "9" * 5000 + "kB", "9" * 5000 + ".5"):
            self.assertIn("expected a size", self.refuses(ConfigSize(""), value))
