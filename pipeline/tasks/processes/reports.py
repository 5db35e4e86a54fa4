"""What a task in a child reports of its progress, on its way to the worker."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from pipeline.tasks.processes.channel import Channel
from pipeline.tasks.processes.wire import Progress as Told
from pipeline.tasks.states.status import Progress

__all__ = ["AT_MOST_EVERY", "Reports"]

#: Seconds between two reports that are told to the worker.
AT_MOST_EVERY = 0.1


class Reports:
    """Tells the worker a few times a second; what is reported in between waits for the next.

    :param channel: to the worker.
    :param number: of the call.
    :param now: tells the time, in seconds.
    """

    def __init__(
        self, channel: Channel, number: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._channel = channel
        self._number = number
        self._now = now
        self._last = -AT_MOST_EVERY
        self._untold: Progress | None = None

    def take(self, progress: Progress) -> None:
        """Take what the task reports."""
        self._untold = progress
        if self._now() - self._last >= AT_MOST_EVERY:
            self.send()

    def send(self) -> None:
        """Tell what is untold; called at the end of the call, too."""
        untold, self._untold = self._untold, None
        if untold is None:
            return
        self._last = self._now()
        self._channel.report(Told(self._number, msgspec.json.encode(untold)))
