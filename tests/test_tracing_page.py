"""The page about tracing says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipeline.delivery import Delivery
from pipeline.message import TaskMessage
from pipeline.observe import exporting, tracing
from pipeline.outcome import DeadLetter
from pipeline.service.build import load
from pipeline.testing import TaskHelper
from tests.observe.test_tracing import TracingCase
from tests.service.support import written

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "tracing.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


class Page(TracingCase):
    def test_example(self) -> None:
        """The configuration is accepted."""
        self.assertTrue(load(written(self, example("yaml"))).tracing)  # type: ignore[arg-type]

    def test_task(self) -> None:
        """The task of the page runs."""
        names: dict[str, object] = {"__name__": "paying"}
        exec(example("python"), names)
        with TaskHelper(names["pay"]) as helper:  # type: ignore[arg-type]  # it is a task
            helper.now(names["pay"].send(5))  # type: ignore[attr-defined]
            helper.run()
            self.assertEqual([5], [call.result for call in helper.succeeded])

    def test_attributes(self) -> None:
        """Every attribute that there is stands in the table, and no other."""
        call = TaskMessage(task="pay", transport_name="t", transport_type="task")
        delivery = Delivery("tasks.inbound", b"1-0", b"", deaths=1)
        delivery.message, delivery.handler = call, ("work", "inbound")
        self.handled(delivery, DeadLetter(ValueError("no")))
        [rows] = re.findall(r"\| Attribute \| \|\n(.*?)\n\n", PAGE, re.DOTALL)
        told = {name for row in rows.split("\n") for name in re.findall(r"`([\w.]+\.[\w.]+)`", row)}
        self.assertEqual(set(self.spans()[0].attributes), told)

    def test_outcomes(self) -> None:
        """So does every outcome."""
        for outcome in (*tracing._OUTCOMES.values(), "done", "handed_back"):
            self.assertIn(f"`{outcome}`", PAGE)


class Words(SynchronousTestCase):
    def test_variables(self) -> None:
        """Variables and limits are those of the code."""
        for name in (exporting._EXPORTER, exporting._NAME, exporting._PROTOCOLS[1]):
            self.assertIn(f"`{name}`", PAGE)
        self.assertIn(f"up to {tracing.LONGEST:,} bytes", PAGE)
