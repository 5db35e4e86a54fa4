"""The bar is drawn for who watches, not too early, not too often."""

from __future__ import annotations

import io

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.cli.progress import AT_FIRST, BETWEEN, Progress


class Terminal(io.StringIO):
    """Somebody watches."""

    def isatty(self) -> bool:
        return True


class ProgressTests(SynchronousTestCase):
    """On a clock turned by hand."""

    def test_draws(self) -> None:
        """It shows the share, the numbers and the rate, and can be taken away."""
        clock, stream = Clock(), Terminal()
        progress = Progress(stream, 200, clock.seconds)
        progress.advance(10)
        self.assertEqual("", stream.getvalue())
        clock.advance(AT_FIRST)
        progress.advance(90)
        self.assertIn(" 50% 100/200", stream.getvalue())
        self.assertIn("############............", stream.getvalue())
        before = len(stream.getvalue())
        progress.advance(1)
        self.assertEqual(before, len(stream.getvalue()))
        clock.advance(BETWEEN)
        progress.advance(199)
        self.assertIn("100% 300/200", stream.getvalue())
        progress.clear()
        self.assertTrue(stream.getvalue().endswith("\r\033[K"))

    def test_silent(self) -> None:
        """Nothing is drawn where nobody watches, or where there is nothing to do."""
        clock, plain, empty = Clock(), io.StringIO(), Terminal()
        for progress in (Progress(plain, 9, clock.seconds), Progress(empty, 0, clock.seconds)):
            clock.advance(9)
            progress.advance(5)
            progress.clear()
        self.assertEqual("", plain.getvalue() + empty.getvalue())
