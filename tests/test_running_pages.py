"""The pages about order and about running say what is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.connector import ordered, pressure
from pipeline.service.build import build, load, probes
from pipeline.service.watchdog import BLOCKED_AFTER, STUCK
from pipeline.worker import WorkerConfig
from tests.service.support import written

DOCS = Path(__file__).resolve().parents[1] / "docs"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


class Examples(TestCase):
    """Each example is a whole configuration."""

    def test_examples(self) -> None:
        """It is accepted, with every option known, and makes workers."""
        for name, count in (("ordering", 1), ("running", 2)):
            examples = re.findall(r"```yaml\n(.*?)```", page(name), re.DOTALL)
            self.assertEqual(count, len(examples))
            for example in examples:
                self._check(load(written(self, example)))

    def _check(self, config: Any) -> None:
        [worker] = probes(config, config.workers)
        self.assertTrue(worker.config.max_in_flight)
        build(config, Clock())


class Numbers(TestCase):
    """What the pages count is what the code has."""

    def test_orderings(self) -> None:
        """Every ordering stands in the table."""
        [field] = [each for each in WorkerConfig.fields() if each.name == "ordering"]
        rows = re.findall(r"^\| `(\w+)` \|", page("ordering"), re.MULTILINE)
        self.assertEqual(["ordering", *field.values], rows)

    def test_numbers(self) -> None:
        """Limits and statuses."""
        self.assertEqual((10, 1), (ordered.WAITING, ordered.WAITING_IF_STRICT))
        self.assertIn("ten times as many may wait with `process`, as many", page("ordering"))
        self.assertIn(f"status {STUCK}", page("running"))
        self.assertEqual(1.0, BLOCKED_AFTER)
        self.assertIn(f"{pressure.MOST_WAITING:,} messages may wait", page("running"))
