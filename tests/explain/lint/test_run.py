"""All rules together."""

from __future__ import annotations

import re

from pipeline.errors import ConfigError
from pipeline.explain.explanation import explained
from pipeline.explain.lint.rules import LEVELS
from pipeline.explain.lint.run import RULES, findings_of
from pipeline.explain.prepared import prepared, put_away
from pipeline.service.build import load
from tests.explain.lint.systems import (
    AGE,
    KEEP,
    KEYS,
    LIMIT,
    LOG,
    ONCE,
    SEAL,
    SIGN,
    STAMP,
    ZIP,
    LintCase,
)
from tests.explain.systems import pair
from tests.explain.test_golden import configurations
from tests.service.support import written


class Run(LintCase):
    """The rules that there are, and what they say of our own files."""

    def test_rules(self) -> None:
        """Each has a name of its own, a level, and says what and why in a line each."""
        names = [rule.name for rule in RULES]
        self.assertEqual(len(set(names)), len(names))
        for rule in RULES:
            self.assertTrue(re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name), rule.name)
            self.assertIn(rule.level, LEVELS)
            self.assertTrue(rule.about.endswith(".") and rule.why)

    def test_own(self) -> None:
        """None of the configurations that come with the project has a mistake."""
        for path in configurations():
            config = load(path)
            workers = prepared(config)
            self.addCleanup(put_away, workers)
            found = findings_of(config, workers, explained(config.namespace, workers))
            self.assertEqual([], found, path)

    def test_recommended(self) -> None:
        """Nor has the order that the pages about middleware recommend."""
        sections = KEYS + "limit: {limit: 5, on_limit: drop}\nkeep: {store_on_consume: true}\n"
        listed = (SIGN, SEAL, ZIP, AGE, ONCE, LIMIT, KEEP, STAMP)
        self.assertEqual([], self.found(pair(*listed, sections=sections)))

    def test_worst_first(self) -> None:
        """Errors, then warnings, then notes."""
        levels = [f.level for f in self.findings(pair(STAMP, SIGN, SEAL, LOG, sections=KEYS))]
        self.assertEqual(["error", "error", "note", "note"], levels)

    def test_names(self) -> None:
        """What shall be ignored is names."""
        with self.assertRaisesRegex(ConfigError, "names of rules"):
            load(written(self, pair(sections="lint: {ignore: [{a: b}]}\n")))
