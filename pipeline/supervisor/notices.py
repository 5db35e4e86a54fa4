"""What systemd is told of all processes together."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pipeline.service.monitor.notify import Notifier
from pipeline.service.running import Part
from pipeline.supervisor.supervisor import Supervisor

__all__ = ["Notices"]

#: Seconds between two looks at whether there is something to tell.
LOOK = 0.5


class Notices:
    """Tells a service manager when all are ready, what is wrong, and that the supervisor lives.

    What hangs among the processes is for the supervisor to mend; so ``WATCHDOG=1`` is its own.

    :param notifier: where it is told.
    :param supervisor: who keeps the processes.
    :param clock: the reactor.
    """

    log = Logger()

    def __init__(self, notifier: Notifier, supervisor: Supervisor, clock: Any) -> None:
        self._notifier = notifier
        self._supervisor = supervisor
        self._clock = clock
        self._told: dict[str, str] = {}
        self._is_ready = False
        self._looking = LoopingCall(self._look)
        self._living = LoopingCall(lambda: notifier.tell(WATCHDOG="1"))

    @property
    def part(self) -> Part:
        """This, to be there before the processes are, and to the end."""
        return Part("the notices to systemd", self._start, lambda deadline: self._stop())

    async def _start(self) -> None:
        self._begin(self._looking, LOOK)
        if self._notifier.watchdog:
            self._begin(self._living, self._notifier.watchdog / 2)

    async def _stop(self) -> None:
        for looking in (self._looking, self._living):
            if looking.running:
                looking.stop()
        self._look()

    def _begin(self, looking: LoopingCall, seconds: float) -> None:
        looking.clock = self._clock
        looking.start(seconds).addErrback(
            lambda failure: self.log.failure("systemd is no longer told", failure)
        )

    def _look(self) -> None:
        if self._supervisor.was_ready and not self._is_ready:
            # Whatever has come since: it is what the start waits for.
            self._is_ready = True
            self._notifier.tell(READY="1")
        state = self._state()
        if state != self._told:
            self._told = state
            more = {"MONOTONIC_USEC": str(time.monotonic_ns() // 1000)}
            self._notifier.tell(**state, **(more if "RELOADING" in state else {}))

    def _state(self) -> dict[str, str]:
        if self._supervisor.is_stopping:
            return {"STOPPING": "1", "STATUS": "stopping"}
        if self._supervisor.is_reloading:
            return {"RELOADING": "1", "STATUS": "a new configuration is taken over"}
        troubles = self._supervisor.troubles
        if not self._supervisor.seats:
            return {"STATUS": "starting"}
        wrong = "; ".join(f"process {n} {what}" for n, what in troubles.items())
        processes = len(self._supervisor.seats)
        well = f"{processes} processes" if processes > 1 else "1 process"
        status = f"not ready: {wrong}" if wrong else well
        # Who was ready once is started for systemd; what has become of it says the status.
        return {"READY": "1", "STATUS": status} if self._is_ready else {"STATUS": status}
