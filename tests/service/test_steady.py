"""A reactor's time is not its host's."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.service.steady import keep_steady


class Host:
    """A clock that can be set, and one that can't."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1_700_000_000.0, 50.0

    def passes(self, seconds: float) -> None:
        """Time passes on both."""
        self.wall += seconds
        self.monotonic += seconds


class Steady(SynchronousTestCase):
    """The reactor's time goes on evenly."""

    def setUp(self) -> None:
        self.host = Host()
        self.reactor: Any = Clock()
        self.patch(self.reactor, "seconds", lambda: self.host.wall)
        keep_steady(self.reactor, lambda: self.host.monotonic)

    def test_starts_as_it_was(self) -> None:
        """It is still the time since the epoch."""
        self.assertEqual(1_700_000_000.0, self.reactor.seconds())

    def test_set_back(self) -> None:
        """A host's clock that is set back holds nothing up, one set forward hurries nothing."""
        for jump in (-3600.0, 7200.0):
            self.host.wall += jump
            self.host.passes(2.0)
        self.assertEqual(1_700_000_004.0, self.reactor.seconds())
