"""Notes in the store what runs here, a few times a second and beside the settlement."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.signals import task_progress
from pipeline.store import Store, Write
from pipeline.tasks.states.records import Writes
from pipeline.tasks.states.tracked import Tracked

__all__ = ["NOTE_EVERY", "Notes"]

#: Seconds between two notes. A run that is over sooner is noted with its end only.
NOTE_EVERY = 0.25


class Notes:
    """Knows the calls that run here, and notes what is new about them.

    :param writes: makes the writes; None: nothing is kept, only told to who listens.
    :param broker: where they go.
    :param clock: the reactor.
    :ivar running: the calls that run.
    """

    log = Logger("pipeline.tasks")

    def __init__(self, writes: Writes | None, broker: Any, clock: Any) -> None:
        self.running: set[Tracked] = set()
        self._writes = writes
        self._broker = broker
        self._clock = clock
        self._new: set[Tracked] = set()
        self._besides: dict[int, list[Write]] = {}
        self._due: Any = None
        self._out: Deferred[None] | None = None

    def begin(self, tracked: Tracked) -> None:
        """A call runs."""
        self.running.add(tracked)
        self._new.add(tracked)
        if self._due is None:
            self._due = self._clock.callLater(NOTE_EVERY, self._on_time)

    def end(self, tracked: Tracked) -> None:
        """It runs no more."""
        self.running.discard(tracked)
        self._new.discard(tracked)

    def changed(self, tracked: Tracked) -> None:
        """It has reported something; callable in any thread."""
        self._new.add(tracked)

    def write(self, partition: int, *writes: Write) -> None:
        """Also write this the next time."""
        self._besides.setdefault(partition, []).extend(writes)
        if self._due is None:
            self._due = self._clock.callLater(NOTE_EVERY, self._on_time)

    async def stop(self) -> None:
        """Write what is left."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._out is not None:
            await self._out
        await self._note()

    def _on_time(self) -> None:
        self._due = None
        self._out = Deferred.fromCoroutine(self._note())
        self._out.addErrback(self._failed)
        self._out.addCallback(self._noted)

    def _noted(self, _: object) -> None:
        self._out = None
        if self._due is None and (self.running or self._besides):
            self._due = self._clock.callLater(NOTE_EVERY, self._on_time)

    async def _note(self) -> None:
        besides, self._besides = self._besides, {}
        while self._new:
            # One at a time, since threads put theirs in meanwhile.
            tracked = self._new.pop()
            if tracked not in self.running:
                continue
            self._tell(tracked)
            if self._writes is not None:
                tracked.is_noted = True
                run = self._writes.running(tracked.call.id, tracked.run())
                besides.setdefault(tracked.partition, []).append(run)
        for partition, writes in besides.items():
            store = Store(self._broker.reader(partition))
            store.writes += writes
            await store.commit()

    def _tell(self, tracked: Tracked) -> None:
        if tracked.progress is not None and task_progress.receivers:
            task_progress.send_robust(tracked.task, call=tracked.call, progress=tracked.progress)

    def _failed(self, failure: Failure) -> None:
        self.log.warn("states of tasks could not be noted: {error}", error=failure.value)
