"""The pages about order and about running say what is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.connector import ordered, pressure
from pipeline.service.build import build, load, probes
from pipeline.service.options import Options
from pipeline.service.watchdog import BLOCKED_AFTER, STUCK
from pipeline.worker import WorkerConfig
from tests.service.support import twistd, written

DOCS = Path(__file__).resolve().parents[1] / "docs"


APPLICATION = "pipeline.applications.base.Application"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def examples(name: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", page(name), re.DOTALL)


class Examples(TestCase):
    """Each example is a whole configuration."""

    timeout = 120

    def test_examples(self) -> None:
        """It is accepted, with every option known, and makes workers."""
        for name, count in (("ordering", 1), ("running", 4)):
            found = examples(name)
            self.assertEqual(count, len(found))
            for example in found:
                is_whole = re.search(r"^(workers|class):", example, re.MULTILINE)
                self._check(load(written(self, example), (), None if is_whole else APPLICATION))

    def _check(self, config: Any) -> None:
        for worker in probes(config, config.workers):
            self.assertTrue(worker.config.max_in_flight)
        build(config, Clock())

    def test_several(self) -> None:
        """Sections go over defaults option by option."""
        [example] = [each for each in examples("running") if "defaults:" in each]
        config = load(written(self, example))
        first, second = probes(config, config.workers)
        self.assertEqual((3, 2), (first.retry_policy.attempts, first.retry_policy.base))
        self.assertEqual((5, 1), (second.retry_policy.attempts, second.retry_policy.base))

    def test_commands(self) -> None:
        """Each command runs, with the file that stands before it."""
        shop, single = examples("running")[:2]
        lines = re.findall(r"^    twistd -n (.*)$", page("running"), re.MULTILINE)
        self.assertEqual(2, len(lines))
        for line, example in zip(lines, (shop, single), strict=True):
            words = shlex.split(line)
            at = words.index("--config") + 1
            process = twistd(self, *words[:at], written(self, example), *words[at + 1 :])
            process.wait_for("is ready")
            self.assertEqual(0, process.terminate()[0])

    def test_options(self) -> None:
        """Every option of the plugin is in the table, and no other."""
        told = set(re.findall(r"^\| `--([\w-]+)", page("running"), re.MULTILINE))
        own = set(Options().keys())
        self.assertEqual(own, told)


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
