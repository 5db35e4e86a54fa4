"""The page about monitoring says what is so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.config.pages import with_tables
from pipeline.service.build import build, load
from pipeline.service.monitor.health import BEATS
from pipeline.service.monitor.readers import HALTED, SILENT, SILENT_ALONE
from tests.service.support import written

PAGE = Path(__file__).resolve().parents[3] / "docs" / "monitoring.md"
TEXT = PAGE.read_text(encoding="utf-8")
TOKEN = "sixteen characters and more"


class Page(TestCase):
    """docs/monitoring.md."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))

    def test_options(self) -> None:
        """Its table has every option as it is declared."""
        self.assertEqual(TEXT, with_tables(TEXT))

    def test_examples(self) -> None:
        """Each whole configuration is accepted, and has a monitor."""
        token = written(self, TOKEN, "monitor.token")
        examples = re.findall(r"```yaml\n(namespace:.*?)```", TEXT, re.DOTALL)
        self.assertGreater(len(examples), 1)
        for example in examples:
            text = example.replace("/etc/shop/monitor.token", token)
            system = build(load(written(self, text)), Clock())
            self.assertEqual("the monitor", system.parts[0].name)

    def test_numbers(self) -> None:
        """The seconds in it are those of the code."""
        for seconds, said in (
            (BEATS, "has got through for more than 5 s"),
            (SILENT, "for more than 12 s it was not"),
            (SILENT_ALONE, "don't get through for 60 s although"),
            (HALTED, "A fault of the framework, for more than 5 s"),
        ):
            self.assertIn(f"{seconds:g} s", said)
            self.assertIn(said, " ".join(TEXT.split()))
