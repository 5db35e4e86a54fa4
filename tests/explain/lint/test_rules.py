"""What a rule is, and what it looks at."""

from __future__ import annotations

from pipeline.explain.lint.rules import LEVELS, Found, Rule, weaker
from tests.explain.lint.systems import ONCE, STAMP, LintCase
from tests.explain.systems import pair


class Rules(LintCase):
    """Findings, and chains with their middlewares."""

    def test_findings(self) -> None:
        """Each thing once, with the rule's name and reason; its level, unless it has another."""
        thing = Found("what", "hint", "at", "w")
        rule = Rule(
            "r",
            "warning",
            "about",
            "why",
            lambda given: [thing, thing, Found("x", "y", None, level="note")],
        )
        _, given = self.looked(pair())
        first, second = rule.findings(given)
        self.assertEqual(
            ("r", "warning", "what", "why"), (first.rule, first.level, first.what, first.why)
        )
        self.assertEqual("note", second.level)

    def test_weaker(self) -> None:
        """A level lower; there is none below a note."""
        self.assertEqual(["warning", "note", "note"], [weaker(level) for level in LEVELS])

    def test_passing(self) -> None:
        """What stands between a step and the wire depends on the direction."""
        _, given = self.looked(pair(STAMP, ONCE))
        read, sent = (given.passing("work", way, "inbound") for way in ("consume", "publish"))
        stamp, once = read.steps
        self.assertEqual((stamp,), read.nearer_the_wire(once))
        self.assertEqual((), read.nearer_the_wire(stamp))
        [sent_stamp] = sent.steps
        self.assertEqual((), sent.nearer_the_wire(sent_stamp))
        self.assertEqual([once], list(read.all_of("DedupMiddleware")))
        self.assertEqual("consume inbound", read.way)
