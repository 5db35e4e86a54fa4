"""Events as text."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipeline.message import UserMessage
from pipeline.observe.logs.lines import TerminalLines, classic_line
from tests.observe.logs.test_facts import delivery

MESSAGE = UserMessage(
    to_addr="a", from_addr="b", transport_name="t", transport_type="x", message_id="0123456789abc"
)


def painted(text: str, *styles: str) -> str:
    return f"<{' '.join(styles)}:{text}>" if text and styles else text


class Lines(SynchronousTestCase):
    def setUp(self) -> None:
        self.events: list[Any] = []
        self.log = Logger("shop", observer=self.events.append)  # type: ignore[arg-type]

    def test_terminal(self) -> None:
        """A line has its time, what it says, and dim the message, its queue and attempt."""
        self.log.warn("sold", delivery=delivery(MESSAGE))
        line = TerminalLines(painted)(self.events[0])
        self.assertRegex(
            line,
            r"^<dim:\d\d:\d\d:\d\d> <yellow:warn: sold><dim: \[01234567 sms.inbound #2\]>\n$",
        )

    def test_classic(self) -> None:
        """A line of a service has what twistd writes, with the same besides."""
        self.log.info("sold", delivery=delivery(MESSAGE))
        self.assertRegex(
            classic_line(self.events[0]),
            r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[shop#info\] sold "
            r"\[01234567 sms.inbound #2\]\n$",
        )

    def test_forged(self) -> None:
        """A client's newline begins no line of the log, its colours colour nothing."""
        forged = "hat\n2026-11-27T20:00:00+0000 [shop#info] paid\x1b[31m"
        try:
            raise ValueError(forged)
        except ValueError:
            self.log.failure("no {what}", what=forged, delivery=delivery())
        for line in (classic_line, TerminalLines(painted)):
            text = line(self.events[0])
            self.assertNotIn("\x1b", text)
            first, *further = text.rstrip("\n").split("\n")
            self.assertIn("no hat", first)
            self.assertIn("[sms.inbound #2]", first)
            self.assertIn("Traceback", text)
            self.assertEqual([], [each for each in further if not each.startswith("    ")])

    def test_secrets(self) -> None:
        """Secrets are hidden."""
        self.log.info("at {url}", url="redis://:abc123xyz@h")
        self.assertIn("redis://:***@h", classic_line(self.events[0]))
