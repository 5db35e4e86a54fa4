"""A status as tables."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.cli.alarms import Alarm
from pipeline.cli.picture import picture
from pipeline.observe.status import Look, status_of
from pipeline.operating import Pause, WorkerSeen
from tests.observe.test_status import NOW, queue, worker

ROOT = Path(__file__).resolve().parents[2]


class Picture(SynchronousTestCase):
    maxDiff = None

    def test_all(self) -> None:
        """Workers, queues and pauses stand in tables, and are counted."""
        seen = [
            queue("a", waiting=2, in_hand=1, oldest=NOW - 5000, added=12, readers={"w": 1}),
            queue("a", 1, added=0),
        ]
        before = [queue("a", added=0), queue("a", 1, added=0)]
        now = Look(NOW, [worker("w", "web")], seen, [Pause("a", "a\x1bda", NOW, "no\nmail")])
        found = status_of(now, Look(NOW - 1000, [], before, []), dead_after=15)
        expected = """\
WORKERS  HOST  PID  STATE  BEAT    SINCE    IN HAND  READS
web      host  7    alive  0s ago  60s ago  1        a
1 process: 1 alive; 0 clients

QUEUE          WAITING  IN HAND  DELAYED  DEAD  OLDEST  IN/S  OUT/S  READERS
a (paused)     2        1        0        0     5s      12.0  9.0    1
  partition 0  2        1        0        0     5s      12.0  9.0    1
  partition 1  0        0        0        0     -       0.0   0.0    0
1 queue: 2 waiting, 1 in hand, 0 delayed, 0 dead
a is paused by a\\x1bda since 2025-11-24 16:00:00 UTC: no\\nmail"""
        self.assertEqual(expected, "\n".join(picture(found, StringIO(), partitions=True)))

    def test_nothing(self) -> None:
        """Where nothing is, that is said."""
        found = status_of(Look(NOW, [worker("x")], [], []), dead_after=15)
        lines = picture(found, StringIO())
        expected = [
            "no worker runs; 1 client",
            "",
            "0 queues: 0 waiting, 0 in hand, 0 delayed, 0 dead",
        ]
        self.assertEqual(expected, lines)


class Page(SynchronousTestCase):
    """``docs/status.md`` shows and names what there is."""

    def setUp(self) -> None:
        self.page = (ROOT / "docs" / "status.md").read_text(encoding="utf-8")

    def found(self) -> dict[str, Any]:
        """The status that the page shows."""
        mall, shop, me = "mall-1", "shop-1", "me"
        workers = [
            WorkerSeen(mall, ("mall",), "hal", 4711, NOW - 540_000, NOW - 4000, NOW - 1000),
            WorkerSeen(shop, ("shop",), "hal", 4710, NOW - 540_000, NOW),
            WorkerSeen(me, (), "hal", 4712, NOW - 1000, NOW),
            WorkerSeen("client-1", (), "hal", 4713, NOW - 9000, NOW),
        ]
        seen = [
            queue("mall.event", added=0, readers={mall: 0}),
            queue(
                "mall.inbound",
                added=20,
                waiting=12,
                in_hand=1,
                oldest=NOW - 8000,
                readers={mall: 1},
            ),
            queue("shop.event", added=0, readers={shop: 0}),
            queue(
                "shop.inbound",
                added=1000,
                waiting=2,
                in_hand=3,
                delayed=1,
                dead=1,
                oldest=NOW - 40,
                readers={shop: 3},
            ),
        ]
        before = [
            queue("mall.event", added=0),
            queue("mall.inbound", added=19, waiting=11, in_hand=1),
            queue("shop.event", added=0),
            queue("shop.inbound", added=952, waiting=4),
        ]
        now, then = Look(NOW, workers, seen, []), Look(NOW - 1000, [], before, [])
        return status_of(now, then, dead_after=15, me=me)

    def test_shown(self) -> None:
        """The page's picture is that of such a system."""
        _, _, shown = self.page.partition("$ pipeline status shop.yaml\n")
        shown = shown[: shown.index("```")].rstrip("\n")
        self.assertEqual(shown, "\n".join(picture(self.found(), StringIO())))

    def test_named(self) -> None:
        """The page names all columns, states and values."""
        found = self.found()
        named = {*found, *found["workers"][0], *found["queues"][0]}
        missing = [name for name in sorted(named) if f"`{name}`" not in self.page]
        self.assertEqual([], missing)
        for name in ("WAITING", "OLDEST", "IN/S", "OUT/S", "READERS", "alive", "late", "dead"):
            self.assertIn(f"| `{name}` |", self.page)

    def test_alarms(self) -> None:
        """The page's conditions are such."""
        written = re.findall(r"--fail-if '(\S+)'", self.page)
        self.assertEqual(3, len(written))
        for text in written:
            self.assertTrue(Alarm.parse(text).text)
