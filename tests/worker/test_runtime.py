"""What the workers of a process share."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.codec import Codec
from pipeline.worker import Runtime


class Shared(TestCase):
    """A runtime with no more than it needs."""

    def test_defaults(self) -> None:
        """Nothing is counted, tried out or stopped unless somebody says so; nothing changes."""
        clock = Clock()
        runtime = Runtime(MemoryBroker(clock), Codec(), clock)
        self.assertIsNone(runtime.meter)
        self.assertFalse(runtime.debug or runtime.dry_run)
        self.assertIsNone(runtime.stop())
        with self.assertRaises(FrozenInstanceError):
            runtime.meter = 1  # type: ignore[assignment, misc]
