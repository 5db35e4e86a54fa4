"""Templates, looked through once."""

from __future__ import annotations

import re

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.middleware.expansion import Expansion
from tests.properties import given

PATTERNS = ("a(b)?(?P<name>c*)", "(a)(b)?", "abc", "((a)b)c", "(?P<x>a)(?P<name>.)")
TEXTS = ("", "x", r"\1", r"\2\1", r"\g<name>!", r"\g<0>", r"\g<1>0", r"\\1", r"\n", "{}%s", r"\t\1")


class Expanding(SynchronousTestCase):
    def test_as_match(self) -> None:
        """It is what the match itself makes of the template, whatever that is."""
        for pattern in map(re.compile, PATTERNS):
            for template in TEXTS:
                self.compare(pattern, template)

    def compare(self, pattern: re.Pattern[str], template: str) -> None:
        match = pattern.match("abcc")
        assert match is not None
        try:
            expected = match.expand(template)
        except (re.error, IndexError) as error:
            self.assertRaises(type(error), Expansion, pattern, template)
        else:
            self.assertEqual(expected, Expansion(pattern, template)(match))

    @given(st.lists(st.sampled_from([*TEXTS, "\\", "1", "<", "é", "\x00"]), max_size=5))
    def test_any(self, parts: list[str]) -> None:
        """The same for templates of any parts."""
        for pattern in map(re.compile, PATTERNS):
            self.compare(pattern, "".join(parts))

    def test_missing_group(self) -> None:
        """A group that took no part is empty."""
        pattern = re.compile("a(b)?")
        match = pattern.match("a")
        assert match is not None
        self.assertEqual("[]", Expansion(pattern, r"[\1]")(match))
