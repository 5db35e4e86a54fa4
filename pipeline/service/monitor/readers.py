"""Whether the workers of a process make progress, and since when they don't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.connector.observed import Progress

__all__ = ["HALTED", "SILENT", "Readers", "Trouble"]

#: Seconds without an answer to a read after which the server, or the reader, is stuck. A read is
#: answered every four, and given up after five more.
SILENT = 12.0
#: The same where the server answers everything else: then nothing but a restart will help.
SILENT_ALONE = 60.0
#: Seconds that a reader may have forgotten to read.
HALTED = 5.0


@dataclass
class Trouble:
    """What is wrong with the readers of a worker.

    :ivar unready: why it should be given nothing to do.
    :ivar dead: why only a restart will help.
    """

    unready: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)


class Readers:
    """Remembers how reading went when it last looked, which should be every second or so.

    :param clock: an IReactorTime.
    :param stuck_after: seconds after which a connector that is full, and settles nothing, is
        stuck; 0: never.
    """

    def __init__(self, clock: Any, stuck_after: float) -> None:
        self._clock = clock
        self._stuck_after = stuck_after
        self._since: dict[Any, float] = {}

    def look(self, workers: Mapping[str, Any]) -> dict[str, Trouble]:
        """What is wrong now, by worker.

        :param workers: those that run, by name.
        """
        known, self._since = self._since, {}
        return {name: self._look_at(name, worker, known) for name, worker in workers.items()}

    def _look_at(self, name: str, worker: Any, known: dict[Any, float]) -> Trouble:
        trouble = Trouble()
        for connector in worker.connectors.values():
            for progress in connector.progress():
                if progress.is_reading:
                    place = (name, connector.name, progress.queue, progress.partition)
                    self._check(progress, place, known, trouble)
        return trouble

    def _check(
        self, progress: Progress, place: Any, known: dict[Any, float], trouble: Trouble
    ) -> None:
        queue, now = progress.queue, self._clock.seconds()
        if progress.waiting_since is not None and now - progress.waiting_since > SILENT:
            silence = now - progress.waiting_since
            said = f"{queue}: the server has not answered a read for {silence:.0f} s"
            trouble.unready.append(said)
            if silence > SILENT_ALONE:
                trouble.dead.append(said)
        if progress.is_halted and self._lasted(("halted", place), known) > HALTED:
            said = f"{queue}: the reader has stopped reading"
            trouble.unready.append(said)
            trouble.dead.append(said)
        if progress.is_full and progress.newest:
            seconds = self._lasted(("full", place, progress.newest), known)
            if self._stuck_after and seconds > self._stuck_after:
                trouble.unready.append(
                    f"{queue}: nothing was taken for {seconds:.0f} s: {progress.in_hand} are in"
                    " hand, there is no room for more"
                )

    def _lasted(self, what: Any, known: dict[Any, float]) -> float:
        """How many seconds something has been so, at every look."""
        now = self._clock.seconds()
        since = self._since[what] = known.get(what, now)
        return float(now - since)
