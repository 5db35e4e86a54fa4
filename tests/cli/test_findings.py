"""Mistakes on a terminal."""

from __future__ import annotations

import io

from twisted.trial.unittest import TestCase

from pipeline.cli.findings import finding_lines, is_refused, rule_lines
from pipeline.explain.lint.rules import Finding
from pipeline.explain.lint.run import RULES


def finding(level: str, what: str = "what") -> Finding:
    return Finding("a-rule", level, what, "why", "do it", "a.yaml:1:2", "w")


class Lines(TestCase):
    """As compilers write them."""

    def test_lines(self) -> None:
        """Place, level, what and the rule; why; what to do; how many in the end."""
        told = [finding("error"), finding("note"), finding("note")]
        lines = list(finding_lines(told, io.StringIO()))
        self.assertEqual(
            ["a.yaml:1:2: error: what [a-rule]", "    why: why", "    do:  do it"], lines[:3]
        )
        self.assertEqual("1 error, 2 notes", lines[-1])
        self.assertEqual([], list(finding_lines([], io.StringIO())))

    def test_harmless(self) -> None:
        """Nothing in it is obeyed by a terminal."""
        text = "".join(finding_lines([finding("note", "\x1b[2J")], io.StringIO()))
        self.assertNotIn("\x1b", text)

    def test_refused(self) -> None:
        """Errors are; warnings if that is strict; notes never."""
        levels = ("error", "warning", "note")
        self.assertEqual([True, False, False], [is_refused([finding(x)]) for x in levels])
        self.assertEqual(
            [True, True, False], [is_refused([finding(x)], strict=True) for x in levels]
        )

    def test_rules(self) -> None:
        """Each has a line."""
        head, *lines = rule_lines(RULES, io.StringIO())
        self.assertEqual(["rule", "level", "looks", "for"], head.split())
        self.assertEqual([rule.name for rule in RULES], [line.split()[0] for line in lines])
