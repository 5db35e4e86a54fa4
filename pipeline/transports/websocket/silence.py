"""Whether the other side is still there, and whether anything is still said."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pipeline.transports.websocket.limits import Limits

__all__ = ["Silence", "Verdict"]


class Verdict(Enum):
    """What to do about a silence."""

    WAIT = "wait"
    PING = "ping"
    #: Nothing has come after a ping.
    LOST = "lost"
    #: There was no message either way for too long.
    IDLE = "idle"


class Silence:
    """Knows since when nothing has come, and since when there was no message.

    :param limits: how long either may be.
    :param clock: the reactor.
    """

    def __init__(self, limits: Limits, clock: Any) -> None:
        self._limits = limits
        self._clock = clock
        self._pinged_at: float | None = None
        self._heard_at = self._talked_at = clock.seconds()

    def heard(self) -> None:
        """Something has come; or nobody listened, and what was silent then is no silence."""
        self._heard_at = self._clock.seconds()
        self._pinged_at = None

    def talked(self) -> None:
        """A message has come or gone."""
        self._talked_at = self._clock.seconds()

    def verdict(self) -> Verdict:
        """What to do now; who is told to ping does."""
        now, limits = self._clock.seconds(), self._limits
        if limits.idle_timeout and now - self._talked_at > limits.idle_timeout:
            return Verdict.IDLE
        if self._pinged_at is not None:
            late = now - self._pinged_at > limits.ping_timeout
            return Verdict.LOST if late else Verdict.WAIT
        if limits.ping_interval and now - self._heard_at > limits.ping_interval:
            self._pinged_at = now
            return Verdict.PING
        return Verdict.WAIT
