"""Entries that do nothing."""

from __future__ import annotations

from tests.explain.lint.systems import ONCE, LintCase
from tests.explain.systems import MEMBERS, pair


class Entries(LintCase):
    """What a list has for nothing."""

    def test_no_effect(self) -> None:
        """Nowhere; where one worker has a use for it, that others have none is no mistake."""
        finding = self.only(pair(f"narrow: {MEMBERS}.Narrow"), "no-effect", line=7)
        self.assertIn("'narrow' does nothing anywhere", finding.what)
        self.assertEqual([], self.found(pair(f"{MEMBERS}.Around")))
        self.only(pair(f"{MEMBERS}.Gate"), "no-effect")

    def test_own(self) -> None:
        """In the only worker that lists it."""
        listed = f"middleware: [{MEMBERS}.Gate], transport_name: web, tasks"
        text = pair().replace("transport_name: web, tasks", listed)
        self.only(text, "no-effect", worker="work", line=4)

    def test_unwanted(self) -> None:
        """One that wanted to be left out is none of ours."""
        self.assertEqual([], self.found(pair(f"u: {MEMBERS}.Unwanted")))

    def test_priority(self) -> None:
        """Priorities are for message middleware."""
        text = pair(f"a: {{class: {MEMBERS}.Around, consume_priority: 3}}")
        self.assertEqual({"useless-priority"}, set(self.found(text)))

    def test_twice(self) -> None:
        """The second dedup of one name would drop all."""
        self.assertIn("listed-twice", self.found(pair(ONCE, ONCE)))
        other = ONCE.replace("once", "again")
        self.assertNotIn("listed-twice", self.found(pair(ONCE, other)))

    def test_not_set_up(self) -> None:
        """One that fails in its setup is said, with what it said."""
        found = self.findings(pair(f"broken: {MEMBERS}.Broken"))
        self.assertEqual({"not-set-up"}, {finding.rule for finding in found})
        self.assertIn("no such host", found[0].what)
