"""A channel whose other end is in the hands of a test."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.processes.channel import Channel
from pipeline.tasks.processes.interruption import Interruption
from pipeline.tasks.processes.wire import Frames, FromChild, framed


class ChannelCase(SynchronousTestCase):
    """Has a channel over real pipes, and is its worker."""

    def setUp(self) -> None:
        calls, self._to = os.pipe()
        self._from, reports = os.pipe()
        for fd in (calls, self._to, self._from, reports):
            self.addCleanup(self._close, fd)
        self.interruption = Interruption()
        self.channel = Channel(calls, reports, self.interruption)
        self._frames: Frames[Any] = Frames(FromChild)

    def say(self, *messages: Any) -> None:
        """Send to the child."""
        os.write(self._to, b"".join(framed(each) for each in messages))

    def heard(self) -> list[Any]:
        """What has come from the child so far."""
        os.set_blocking(self._from, False)
        came: list[Any] = []
        while True:
            try:
                came += self._frames.feed(os.read(self._from, 65536))
            except BlockingIOError:
                return came

    def hang_up(self) -> None:
        """Send nothing more."""
        self._close(self._to)

    def _close(self, fd: int) -> None:
        with suppress(OSError):
            os.close(fd)
