"""The page about the log says what is so."""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.settings import NamespaceConfig
from pipeline.masking import SHORTEST
from pipeline.observe.logs.begin import FORMATS, LEVELS
from pipeline.observe.logs.lines import TerminalLines, classic_line
from pipeline.observe.logs.records import (
    LONGEST_FIELD,
    LONGEST_LINE,
    LONGEST_TEXT,
    MOST_FIELDS,
    record_of,
)
from pipeline.observe.logs.stdlib import take_over
from pipeline.service.build import load
from pipeline.supervisor.lines import LONGEST
from pipeline.testing import TaskHelper
from tests.service.support import written

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "logging.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


class Page(SynchronousTestCase):
    def setUp(self) -> None:
        root = logging.getLogger()
        handlers = root.handlers[:]
        root.handlers = []
        self.addCleanup(setattr, root, "handlers", handlers)
        self.addCleanup(take_over(LogLevel.info))

    def test_lines(self) -> None:
        """The task of the page logs what it shows, in each form."""
        module = ModuleType("logged")
        sys.modules["logged"] = module
        self.addCleanup(sys.modules.pop, "logged")
        exec(example("python"), module.__dict__)
        seen: list[tuple[str, str, Any]] = []
        terminal = TerminalLines(lambda text, *styles: text)

        def observe(event: Any) -> None:
            if event["log_namespace"] in ("shop", "bank"):
                seen.append((terminal(event), classic_line(event), record_of(event)))

        globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]  # as any function
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        with TaskHelper(module.pay) as helper:
            handle = helper.now(module.pay.send(5))
            helper.run()
            self.assertEqual(1, len(helper.succeeded))
        self.assertEqual(2, len(seen))
        ids = f"[{handle.id[:8]} tasks.inbound #1]"
        for at, (text, classic, _) in enumerate(seen):
            shown = ("paying 5", "warn: the bank is slow")[at]
            self.assertEqual(f"{shown} {ids}\n", text[9:])
            self.assertIn(f"{shown} [3f6d0c9a tasks.inbound #1]\n", PAGE)
            self.assertIn(f"{shown.removeprefix('warn: ')} {ids}\n", classic)
        shown = json.loads(example("json"))
        told = seen[0][2]
        self.assertEqual(list(shown), list(told))
        for name in ("time", "message_id", "worker", "pid"):
            del shown[name], told[name]
        self.assertEqual(shown, told)
        self.assertEqual({"seconds": 3}, seen[1][2]["fields"])

    def test_example(self) -> None:
        """The configuration is accepted, and says what the page says."""
        config = load(written(self, example("yaml")))  # type: ignore[arg-type]  # any case
        self.assertEqual(("json", "debug"), (config.log_format, config.log_level))

    def test_table(self) -> None:
        """The options, their values and defaults stand in the table."""
        fields = {field.name: field for field in NamespaceConfig.fields()}
        for name, values in (("log_format", FORMATS), ("log_level", LEVELS)):
            form = " or ".join([", ".join(values[:-1]), values[-1]])
            row = f"| `{name}` | {form} | `{fields[name].default}` | {fields[name].doc} |"
            self.assertIn(row, PAGE)

    def test_numbers(self) -> None:
        """Limits are those of the code."""
        self.assertIn(f"at most {LONGEST_TEXT:,} characters", PAGE)
        self.assertIn(f"more than {LONGEST_LINE:,} bytes", PAGE)
        self.assertLess(LONGEST_LINE + 100, LONGEST)
        self.assertIn(f"at most {MOST_FIELDS} of {LONGEST_FIELD:,} characters", PAGE)
        self.assertIn(f"shorter than {SHORTEST} characters", PAGE)
