"""Tests of pipeline.tasks.processes.interruption."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import TaskCancelled, WorkerShutdown
from pipeline.tasks.processes.interruption import Interruption


class Told(SynchronousTestCase):
    """What is told is raised in the task, and nowhere else."""

    def setUp(self) -> None:
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.getsignal(signal.SIGUSR1))
        self.interruption = Interruption()
        self.interruption.install()
        self.interruption.begin(1)

    def tell(self, number: int = 1, why: type[Exception] = WorkerShutdown) -> None:
        """Tell the call with a number, from another thread, and wait for that."""
        thread = threading.Thread(target=self.interruption.tell, args=(number, why("stop")))
        thread.start()
        thread.join()

    def run_told(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function, which must be interrupted."""
        with self.assertRaisesRegex(WorkerShutdown, "stop"):
            self.interruption.run(function, *args)

    def test_inside(self) -> None:
        """It is raised while a function runs, also while that sleeps."""
        self.run_told(self.tell)

        def sleeps() -> None:
            threading.Timer(0.05, self.interruption.tell, (1, WorkerShutdown("stop"))).start()
            time.sleep(30)

        self.run_told(sleeps)

    def test_before(self) -> None:
        """What is told before the function runs, as in middleware, is raised when it does."""
        self.tell()
        self.run_told(self.fail)

    def test_after(self) -> None:
        """What is told after it is over is never raised."""
        self.interruption.run(int)
        self.tell()
        self.interruption.begin(2)
        self.assertEqual(0, self.interruption.run(int))

    def test_other(self) -> None:
        """What is told to another call is not raised in this one."""
        self.interruption.begin(2)
        self.assertIsNone(self.interruption.run(self.tell, 1))

    def test_held(self) -> None:
        """It is not raised while held, but when that is over."""
        reached = []

        def holds() -> None:
            with self.interruption.held:
                with self.interruption.held:
                    self.tell()
                reached.append("inner")
            reached.append("never")

        self.run_told(holds)
        self.assertEqual(["inner"], reached)

    def test_postponed(self) -> None:
        """The end of the worker may be held back in the task itself; a cancelling can't."""
        reached = []

        def postpones(why: type[Exception]) -> None:
            self.interruption.hold()
            self.tell(why=why)
            reached.append(why)
            self.interruption.release()
            reached.append(None)

        self.run_told(postpones, WorkerShutdown)
        self.interruption.begin(1)
        with self.assertRaises(TaskCancelled):
            self.interruption.run(postpones, TaskCancelled)
        self.assertEqual([WorkerShutdown], reached)

    def test_threads(self) -> None:
        """Other threads hold nothing up."""

        def holds() -> None:
            thread = threading.Thread(target=self.interruption.hold_all)
            thread.start()
            thread.join()
            self.tell()

        self.run_told(holds)

    def test_once(self) -> None:
        """It is raised once: who has caught it may clean up."""

        def cleans() -> str:
            try:
                self.tell()
            except WorkerShutdown:
                with self.interruption.held:
                    return "clean"
            return "never"

        self.assertEqual("clean", self.interruption.run(cleans))
