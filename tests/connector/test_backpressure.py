"""The memory of a publisher is bounded, however slow the consumer."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from benchmarks.backpressure import measure
from tests.quick import SKIP

#: More than the publisher keeps for a fail-over, which is for 5 seconds.
MESSAGES, DEPTH, BURST = 50_000, 1_000, 1_000
#: Far less than the messages that a publisher without bounds would hold.
GROWTH_MB = 10.0


class Backpressure(TestCase):
    skip = SKIP
    timeout = 120

    async def test_bounded(self) -> None:
        """A fast publisher waits for a slow consumer, and grows no more while it does."""
        from twisted.internet import reactor

        figures = await measure(reactor, MESSAGES, DEPTH, BURST)
        self.assertLess(figures["growth_mb"], GROWTH_MB)
        self.assertLessEqual(figures["deepest"], DEPTH)
        self.assertGreater(figures["deepest"], DEPTH // 2)
