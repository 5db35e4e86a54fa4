"""Tests of pipeline.supervisor.memory."""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SkipTest, TestCase

from pipeline.supervisor import memory
from pipeline.supervisor.memory import memory_of


class Weighing(TestCase):
    """The memory of a process is known."""

    def test_own(self) -> None:
        """It grows by what is taken."""
        before = memory_of(os.getpid())
        assert before is not None
        taken = b"x" * (64 * 1024**2)
        after = memory_of(os.getpid())
        assert after is not None
        self.assertGreater(after - before, 32 * 1024**2)
        del taken

    def test_ps(self) -> None:
        """Without /proc, ps says nearly the same."""
        try:
            subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], check=True)
        except OSError as error:
            raise SkipTest("no ps here") from error
        told, known = memory._from_ps(os.getpid()), memory_of(os.getpid())
        assert told is not None
        assert known is not None
        self.assertLess(abs(told - known), 32 * 1024**2)

    def test_gone(self) -> None:
        """A process that has ended has none."""
        ended = subprocess.Popen(["true"])
        ended.wait()
        self.assertIsNone(memory_of(ended.pid))
        self.assertIsNone(memory._from_ps(ended.pid))
