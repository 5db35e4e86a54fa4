"""Plain words mean what they look like, and variables are put in."""

from __future__ import annotations

import math

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.config.scalars import expanded, plain_scalar, scalar
from pipeline.errors import ConfigError
from tests.properties import given


class Plain(TestCase):
    """plain_scalar()."""

    def test_special(self) -> None:
        """Only YAML 1.2's own spellings are special."""
        special = {
            "true": True, "True": True, "FALSE": False, "null": None, "~": None, "": None,
            "0": 0, "-5": -5, "0o17": 15, "0x1F": 31, "1.5": 1.5, ".5": 0.5, "1.": 1.0,
            "-1e3": -1000.0, ".inf": math.inf, "+.INF": math.inf, "-.inf": -math.inf,
        }  # fmt: skip
        for text, value in special.items():
            self.assertEqual((type(value), value), (type(plain_scalar(text)), plain_scalar(text)))
        self.assertTrue(math.isnan(plain_scalar(".nan")))

    def test_text(self) -> None:
        """What YAML 1.1 would twist stays text, and so do phone numbers."""
        for text in ("on", "no", "y", "22:22", "2026-11-21", "1_000", "007", "+27831234567", "0b1",
                     "tRUE", "nul", "-", ".", "1.2.3", "1" * 200, "5\n", "true "):  # fmt: skip
            self.assertEqual(text, plain_scalar(text))

    @given(st.integers(min_value=-(10**90), max_value=10**90) | st.floats(allow_nan=False))
    def test_numbers_return(self, number: float) -> None:
        """Every number that Python writes is read as the same number."""
        text = repr(number).replace("inf", ".inf")
        self.assertEqual(number, plain_scalar(text))
        self.assertIs(type(number), type(plain_scalar(text)))

    @given(st.text(max_size=12))
    def test_never_fails(self, text: str) -> None:
        """Whatever is written, it has a value."""
        value = plain_scalar(text)
        if isinstance(value, str):
            self.assertEqual(text, value)


class Tagged(TestCase):
    """scalar()."""

    def test_tags(self) -> None:
        """An explicit tag decides, if the text is of its form."""
        self.assertEqual("5", scalar("tag:yaml.org,2002:str", "5"))
        self.assertEqual(5, scalar("tag:yaml.org,2002:int", "5"))
        with self.assertRaisesRegex(ConfigError, "'x' is not of the form that !!int says"):
            scalar("tag:yaml.org,2002:int", "x")

    def test_unknown(self) -> None:
        """Any other tag is refused: nothing in a file can make an object."""
        for tag, shown in (
            ("tag:yaml.org,2002:python/object/apply:os.system", "!!python/object/apply:os.system"),
            ("!mine", "!mine"),
        ):
            error = self.assertRaises(ConfigError, scalar, tag, "x")
            self.assertEqual(f"the tag {shown} is not known here (only !include is)", str(error))


class Variables(TestCase):
    """expanded()."""

    environment = {"HOST": "h", "EMPTY": "", "NESTED": "${HOST}"}

    def test_put_in(self) -> None:
        """Variables are replaced wherever they stand, once."""
        cases = {
            "${HOST}": "h",
            "redis://${HOST}:${PORT:-6379}/": "redis://h:6379/",
            "${EMPTY}": "",
            "${EMPTY:-x}": "x",
            "${UNSET:-}": "",
            "${UNSET:-a b:-c}": "a b:-c",
            "${NESTED}": "${HOST}",
            "$${HOST}": "${HOST}",
            "$HOST $5 $$": "$HOST $5 $$",
        }
        for text, value in cases.items():
            self.assertEqual(value, expanded(text, self.environment))

    def test_missing(self) -> None:
        """A variable that isn't set is named."""
        error = self.assertRaises(ConfigError, expanded, "a${NOPE}b", self.environment)
        self.assertEqual("the environment variable NOPE is not set", str(error))

    def test_form(self) -> None:
        """A broken form is refused, with the way to write it literally."""
        for text in ("${}", "${1A}", "${A B}", "${HOST", "${HOST-x}"):
            error = self.assertRaises(ConfigError, expanded, text, self.environment)
            self.assertIn("expected ${NAME} or ${NAME:-default}", error.what)
            self.assertEqual("write $${ for ${ itself", error.hint)

    @given(st.text().filter(lambda text: "${" not in text))
    def test_other_text(self, text: str) -> None:
        """Text without a variable is left alone."""
        self.assertEqual(text, expanded(text, {}))
