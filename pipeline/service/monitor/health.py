"""Whether a process lives, and whether it is ready to work: progress, not only that it is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.service.monitor.readers import SILENT_ALONE, Readers, Trouble
from pipeline.service.running import System
from pipeline.transports.answers import Answer

__all__ = ["BEATS", "LOOK", "Health", "Verdict"]

#: Seconds between two looks.
LOOK = 1.0
#: Seconds without a beat that got through, after which we are not ready. One is due every second.
BEATS = 5.0


class Verdict(NamedTuple):
    """How it is.

    :param live: why only a restart will help; nothing when it lives.
    :param unready: why it should be given nothing to do; nothing when it is ready.
    :param workers: what is wrong with each worker that runs.
    """

    live: tuple[str, ...]
    unready: tuple[str, ...]
    workers: dict[str, Trouble]


class Health:
    """Looks at a system from its reactor: as long as it answers, that one turns.

    :param system: whose health it is.
    :param broker: gives the broker; only called when that has been started.
    :param clock: the reactor.
    :param stuck_after: as of the namespace's option.
    """

    log = Logger()

    def __init__(
        self, system: System, broker: Callable[[], Any], clock: Any, stuck_after: float
    ) -> None:
        self._system = system
        self._broker = broker
        self._clock = clock
        self._readers = Readers(clock, stuck_after)
        self._began = clock.seconds()
        #: Since when the server has been there, or not.
        self._up_since: float | None = None
        #: Called after each look, with what was seen.
        self.observers: list[Callable[[Verdict], None]] = []
        self._looking: LoopingCall | None = None

    def start(self) -> None:
        """Look now, and every second from now on."""
        # Made here, as it installs a reactor.
        self._looking = LoopingCall(self._look_and_tell)
        self._looking.clock = self._clock
        self._looking.start(LOOK).addErrback(self._gone_blind)

    def stop(self) -> None:
        """Look no more by itself."""
        if self._looking is not None and self._looking.running:
            self._looking.stop()

    def look(self) -> Verdict:
        """How it is now."""
        workers = self._system.workers
        trouble = self._readers.look(workers)
        unready = [state] if (state := self._system.unready) else self._server()
        live: list[str] = []
        for name, found in trouble.items():
            unready += [f"worker {name!r}: {why}" for why in found.unready]
            if self._is_up_for(SILENT_ALONE):
                live += [f"worker {name!r}: {why}" for why in found.dead]
        return Verdict((*self._dead(), *live), tuple(unready), trouble)

    # What is asked -----------------------------------------------------------------------------

    def live(self) -> Answer:
        """200 while the process lives, else 503."""
        reasons = self.look().live
        said = {"live": not reasons, "reasons": reasons, **self._self()}
        return Answer(503 if reasons else 200, said)

    def ready(self) -> Answer:
        """200 while all that it runs is there and makes progress, else 503."""
        seen = self.look()
        workers = {
            name: _described(worker, seen.workers.get(name, Trouble()))
            for name, worker in self._system.workers.items()
        }
        said = {"ready": not seen.unready, "reasons": seen.unready, **self._self()}
        return Answer(503 if seen.unready else 200, {**said, "workers": workers})

    def _self(self) -> dict[str, Any]:
        return {
            "namespace": self._system.namespace,
            "pid": os.getpid(),
            "uptime": round(self._clock.seconds() - self._began, 1),
        }

    # What is seen ------------------------------------------------------------------------------

    def _server(self) -> list[str]:
        broker, now = self._broker(), self._clock.seconds()
        if not broker.available:
            self._up_since = None
            return [f"no connection to the server: {broker.problem}"]
        if self._up_since is None:
            self._up_since = now
        if broker.silence > BEATS:
            return [f"the server has taken no beat for {broker.silence:.0f} s"]
        return []

    def _dead(self) -> list[str]:
        if self._system.unready or not self._is_up_for(SILENT_ALONE):
            return []
        silence = self._broker().silence
        if silence <= SILENT_ALONE:
            return []
        return [f"no beat for {silence:.0f} s, though the server is there: others take us for dead"]

    def _is_up_for(self, seconds: float) -> bool:
        return self._up_since is not None and self._clock.seconds() - self._up_since > seconds

    def _look_and_tell(self) -> None:
        seen = self.look()
        for observer in self.observers:
            observer(seen)

    def _gone_blind(self, failure: Failure) -> None:
        self.log.failure("health is no longer looked at", failure)


def _described(worker: Any, trouble: Trouble) -> dict[str, Any]:
    return {
        "ready": not trouble.unready,
        "reasons": trouble.unready,
        "connectors": {
            connector.name: {
                "reads": connector.reads,
                "in_hand": connector.in_hand,
                "max_in_flight": connector.max_in_flight,
            }
            for connector in worker.connectors.values()
        },
    }
