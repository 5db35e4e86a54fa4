"""Notices when the reactor stands still, says what holds it up, and in the end lets it die.

The beats of a worker come from a thread, so that a handler that blocks for a while is not taken
for a death. Which also means that nobody would ever take over from one that blocks for good.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from pipeline.service.process import end_now
from pipeline.service.running import Part
from pipeline.service.whereabouts import in_hand, place, stack
from pipeline.ticks import TICK, until_tick

__all__ = ["STUCK", "Watchdog"]

#: The exit status of a process that ended itself for being stuck (EX_SOFTWARE of sysexits.h).
STUCK = 70
#: Seconds without a turn of the reactor after which it counts as blocked.
BLOCKED_AFTER = 1.0
#: Seconds between two signs of life of the reactor, and between two looks of the thread at one that
#: has given none for :data:`CALM` seconds. Before that there is nothing to look at.
TURN, LOOK, CALM = TICK, 0.125, 0.5
#: Seconds that the last words may take, as when nobody reads the log any more.
LAST_WORDS = 2.0


class Watchdog:
    """Watches the reactor from a thread of its own, at no cost for messages.

    When the reactor hasn't turned for :data:`BLOCKED_AFTER` seconds, it logs where it is: file,
    line, function, and the middleware, task or handler with its message as far as they can be
    seen; once for each block, with its length when it ends. After ``stuck_after`` it logs the
    traceback as critical and ends the process with status :data:`STUCK`.

    It counts what it has waited itself instead of comparing times, so that a process that was
    stopped as a whole (SIGSTOP, a suspended machine) isn't stuck.

    :param reactor: the one to watch.
    :param stuck_after: seconds without a turn after which the process ends; 0: never.
    :param end: ends the process, given a status and last words.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, stuck_after: float, end: Callable[[int, str], None] = end_now
    ) -> None:
        self._reactor = reactor
        self._stuck_after = stuck_after
        self._end = end
        self._turned_at = 0.0
        self._watched: int | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pipeline-watchdog", daemon=True)
        self._turning: Any = None

    @property
    def part(self) -> Part:
        """This, to be started before all that may block."""
        return Part("the watchdog", self.start, lambda deadline: self.stop())

    async def start(self) -> None:
        """Watch the thread that this is called in."""
        self._watched = threading.get_ident()
        self._turn()
        self._thread.start()

    async def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        if self._turning is not None:
            self._turning.cancel()
            self._turning = None

    def _turn(self) -> None:
        self._turned_at = time.monotonic()
        self._turning = self._reactor.callLater(until_tick(self._reactor, TURN), self._turn)

    # In the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        seen, still, wait = self._turned_at, 0.0, CALM
        while not self._stopped.wait(wait):
            if self._turned_at != seen:
                self._moved(still)
                seen = self._turned_at
                still = min(CALM, time.monotonic() - seen)
                wait = max(LOOK, CALM - still)
                continue
            self._stands_still(still, still + wait)
            still, wait = still + wait, LOOK

    def _stands_still(self, before: float, seconds: float) -> None:
        if before < BLOCKED_AFTER <= seconds:
            where, what = self._seen()
            self.log.warn(
                "the reactor is blocked for {seconds:g} s at {place}{what}",
                seconds=BLOCKED_AFTER,
                place=where,
                what=what,
            )
        if self._stuck_after and seconds >= self._stuck_after:
            self._give_up(seconds)

    def _moved(self, seconds: float) -> None:
        if seconds >= BLOCKED_AFTER:
            self.log.warn("the reactor turns again, it was blocked for {n:.1f} s", n=seconds)

    def _give_up(self, seconds: float) -> None:
        """End the process, even if the log can't be written."""
        where, what = self._seen()
        words = f"pipeline: stuck for {seconds:.0f} s at {where}{what}"
        late = threading.Timer(LAST_WORDS, self._end, (STUCK, words))
        late.daemon = True
        late.start()
        self.log.critical(
            "stuck for {seconds:.0f} s at {place}{what}: this process ends, so that others take"
            " over\n{traceback}",
            seconds=seconds,
            place=where,
            what=what,
            traceback=stack(self._frame()),
        )
        self._stopped.set()
        late.cancel()
        self._end(STUCK, words)

    def _seen(self) -> tuple[str, str]:
        frame = self._frame()
        what = in_hand(frame)
        return place(frame), f" ({what})" if what else ""

    def _frame(self) -> Any:
        return sys._current_frames().get(self._watched or 0)
