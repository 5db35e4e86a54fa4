"""A reactor that stands still is noticed, named, and in the end given up."""

from __future__ import annotations

import signal
import time

from twisted.trial.unittest import TestCase

from tests.service.support import Process, twistd, written

SYSTEM = """
redis: memory://
stuck_after: {stuck_after}
workers:
  work:
    class: tests.service.blocking.{worker}
    transport_name: a
    middleware: [{middleware}]
"""


class Blocks(TestCase):
    """Real processes that block."""

    def start(
        self, worker: str = "Blocking", middleware: str = "", stuck_after: str = "300s", blocks="0"
    ) -> Process:
        text = SYSTEM.format(worker=worker, middleware=middleware, stuck_after=stuck_after)
        return twistd(self, "pipeline", "--config", written(self, text), BLOCKS=blocks)

    def test_named(self) -> None:
        """A block of 2 s is logged once, with its place, what was in hand, and its length."""
        process = self.start(blocks="2")
        line = process.wait_for("the reactor is blocked")
        self.assertRegex(line, r"blocking\.py:\d+, in Blocking\.consume")
        self.assertIn("handler Blocking.consume for <Delivery", line)
        self.assertIn("of a.inbound, attempt 1>", line)
        self.assertRegex(process.wait_for("turns again"), r"blocked for (1\.[89]|2\.\d) s")
        status, out, _ = process.terminate()
        self.assertEqual((0, 1), (status, out.count("the reactor is blocked")))

    def test_middleware(self) -> None:
        """A middleware that blocks is named."""
        process = self.start(middleware="{slow: tests.service.blocking.BlockingMiddleware}")
        line = process.wait_for("the reactor is blocked")
        self.assertIn("in BlockingMiddleware.handle_consume_inbound", line)
        self.assertIn("middleware 'slow' (tests.service.blocking.BlockingMiddleware)", line)
        self.assertEqual(0, process.terminate()[0])

    def test_stuck(self) -> None:
        """After ``stuck_after`` the process logs the traceback and ends with status 70."""
        began = time.monotonic()
        process = self.start(blocks="60", stuck_after="2s")
        status, out, err = process.end()
        self.assertEqual(70, status)
        self.assertLess(time.monotonic() - began, 30)
        self.assertIn("stuck for 2 s at", out)
        self.assertIn("time.sleep(float(os.environ", out)
        self.assertIn("pipeline: stuck for 2 s at", err)

    def test_stopped_is_not_stuck(self) -> None:
        """A process that was stopped as a whole goes on, and blames nobody."""
        process = self.start(stuck_after="2s")
        process.wait_for("went on")
        process.signal(signal.SIGSTOP)
        time.sleep(3)
        process.signal(signal.SIGCONT)
        time.sleep(0.5)
        status, out, _ = process.terminate()
        self.assertEqual(0, status)
        self.assertNotIn("blocked", out)
