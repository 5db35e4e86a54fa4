"""What a source does while its server is away or refuses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

__all__ = ["Trouble"]

#: Seconds between two tries, the first and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 10.0


class Trouble:
    """Rests between tries, longer each time, and tells when it begins and ends.

    :param what: what is in trouble, as ``stream orders at redis://h``.
    :param clock: for the rests.
    :param tell: called with ``down`` or ``ok`` and a text when that changes.
    """

    _log = Logger()

    def __init__(self, what: str, clock: Any, tell: Callable[[str, str], Any]) -> None:
        self._what = what
        self._clock = clock
        self._tell = tell
        self._pause = FIRST_PAUSE
        self._resting: Deferred[None] | None = None
        #: Why there is trouble; '' when there is none.
        self.reason = ""

    def begins(self, why: str) -> None:
        """There is trouble; told once for each reason."""
        if why != self.reason:
            self.reason = why
            self._log.warn("{what}: {why}", what=self._what, why=why)
            self._tell("down", f"{self._what}: {why}")

    async def rest(self, error: Exception) -> None:
        """Wait a while, after an error; :meth:`wake` ends it."""
        self.begins(str(error))
        self._resting = deferLater(self._clock, self._pause)
        self._pause = min(LONGEST_PAUSE, self._pause * 2)
        try:
            await self._resting
        except CancelledError:
            return
        finally:
            self._resting = None

    def over(self) -> None:
        """It went well."""
        if self.reason:
            self.reason = ""
            self._log.info("{what}: it works again", what=self._what)
            self._tell("ok", f"{self._what}: it works again")
        self._pause = FIRST_PAUSE

    def wake(self) -> None:
        """End a rest."""
        if self._resting is not None:
            self._resting.cancel()
