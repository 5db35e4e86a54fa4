"""The page about this transport says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.brokers.redis import link
from pipeline.transports.redis import channels, inward, source, subscription, trouble
from pipeline.transports.redis.outward import _USUAL
from pipeline.transports.rules import TYPES
from pipeline.transports.targets import MAPPINGS, TEXTS

ROOT = Path(__file__).resolve().parents[3]


class Page(TestCase):
    """docs/transports/redis.md."""

    def setUp(self) -> None:
        path = ROOT / "docs" / "transports" / "redis.md"
        self.text = " ".join(path.read_text(encoding="utf-8").split())
        self.rows = re.findall(r"^\| `(\w+)` \| ", path.read_text(encoding="utf-8"), re.MULTILINE)

    def test_numbers(self) -> None:
        """Times and sizes."""
        pauses = f"{link.FIRST_PAUSE * 1000:g} ms to {link.LONGEST_PAUSE:g} s apart"
        self.assertIn(pauses, self.text)
        self.assertIn(f"nothing for {subscription.SILENCE:g} seconds is given up", self.text)
        self.assertIn(f"up to {trouble.LONGEST_PAUSE:g} seconds apart", self.text)
        self.assertIn(f"above {source.MANY_BYTES // 1_000_000} MB together", self.text)
        self.assertEqual((10, 16_000_000), (channels.WAITING, channels.WAITING_BYTES))
        self.assertIn("ten batches, or 16 MB", self.text)
        self.assertIn(f"1 to {inward.LONGEST_ID} characters", self.text)

    def test_fields(self) -> None:
        """Every field that can be filled, every type, and what is written without rules."""
        told = self.text.partition("Fields to be filled:")[2].partition("The other way")[0]
        for name in (*TEXTS, *MAPPINGS, "timestamp"):
            self.assertIn(f"`{name}`", told)
        self.assertEqual(set(), set(TYPES) - set(self.rows))
        usual = self.text.partition("Without `fields`, `message_id`")[2].partition("written")[0]
        for name in _USUAL[1:]:
            self.assertIn(f"`{name}`", usual)

    def test_counts(self) -> None:
        """Everything that is counted is told."""
        told = self.text.partition("What it counts")[2].partition("## Options")[0]
        code = "".join(
            path.read_text(encoding="utf-8") for path in Path(source.__file__).parent.glob("*.py")
        )
        names = set(re.findall(r'count\(\s*"(\w+)"', code)) | {"published", "pending", "lag"}
        self.assertGreater(len(names), 6)
        for name in (*names, "connected", "malformed", "oversized"):
            self.assertIn(f"`{name}`", told)
