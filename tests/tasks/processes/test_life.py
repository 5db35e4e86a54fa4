"""Tests of pipeline.tasks.processes.life; with real workers that die, in test_child."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.processes.life import memory

ROOT = Path(__file__).resolve().parents[3]


class Life(SynchronousTestCase):
    """A child is bound to its worker, and knows its size."""

    def test_memory(self) -> None:
        """What it says grows by what is taken."""
        measured = memory()
        before = measured()
        taken = bytearray(b"x") * (50 * 2**20)
        self.assertGreater(measured() - before, 40 * 2**20)
        self.assertEqual(50 * 2**20, len(taken))

    def test_orphan(self) -> None:
        """One whose worker has died before it began ends at once."""
        program = "from pipeline.tasks.processes.life import bind_to; bind_to(1 << 22); print(1)"
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True)
        self.assertEqual((1, b""), (done.returncode, done.stdout))

    def test_bound(self) -> None:
        """It leads a process group of its own, and keeps its pipes from what it starts."""
        program = (
            "import os\n"
            "for fd in (3, 4, 5): os.dup2(0, fd)\n"
            "from pipeline.tasks.processes.life import bind_to\n"
            f"bind_to({os.getpid()})\n"
            "print(os.getpgid(0) == os.getpid(), [os.get_inheritable(fd) for fd in (3, 4, 5)])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        )
        self.assertEqual("True [False, False, False]\n", done.stdout)
