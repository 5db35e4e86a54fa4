"""Where things are on a drawing."""

from __future__ import annotations

from itertools import pairwise

from twisted.trial.unittest import TestCase

from pipeline.explain.layout import BOX, PILL, ROW, laid_out
from tests.explain.drawings import through_a_switch


class Places(TestCase):
    """Nothing covers anything else."""

    def test_columns(self) -> None:
        """Workers stand further right the further they are from the world."""
        layout = laid_out(through_a_switch())
        xs = [layout.boxes[name][0] for name in ("sms", "switch", "shop")]
        self.assertEqual(sorted(xs), xs)
        for left, right in pairwise(xs):
            self.assertGreater(right - left, BOX + PILL)

    def test_apart(self) -> None:
        """Queues of one column are a row apart; each is between its workers."""
        layout = laid_out(through_a_switch())
        columns: dict[float, list[float]] = {}
        for x, y in layout.pills.values():
            columns.setdefault(x, []).append(y)
        for ys in columns.values():
            for above, below in pairwise(sorted(ys)):
                self.assertGreaterEqual(below - above, ROW)
        self.assertLess(layout.boxes["sms"][0] + BOX, layout.pills["sms.inbound"].x)
        self.assertLess(layout.pills["sms.inbound"].x + PILL, layout.boxes["switch"][0])

    def test_ports(self) -> None:
        """Lines meet a box at its sides, each at a height of its own."""
        layout = laid_out(through_a_switch())
        x, y, height = layout.boxes["sms"]
        ports = [layout.port("sms", f"sms.{kind}") for kind in ("inbound", "failures", "outbound")]
        self.assertEqual({x + BOX}, {port.x for port in ports})
        self.assertEqual(3, len({port.y for port in ports}))
        self.assertTrue(all(y < port.y < y + height for port in ports))
