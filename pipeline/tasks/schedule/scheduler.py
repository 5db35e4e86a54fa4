"""Keeps a schedule: each worker that has it tries, and each slot is called once."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.errors import Conflict, PipelineError
from pipeline.store import Store
from pipeline.tasks.schedule.due import Due, decide
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.kept import Kept
from pipeline.tasks.schedule.slot import Slot
from pipeline.tasks.schedule.state import EntryState, parsed, schedule_key

__all__ = ["FORGOTTEN_AFTER", "Scheduler"]

#: Seconds that a step may take; what has become of it is seen at the next look.
PATIENCE = 10.0

#: Seconds after which a step that went wrong is tried again.
AGAIN = 1.0

#: Seconds that a step may take when the worker stops.
HURRY = 2.0

#: How many slots of an entry are called before the others are looked at again.
AT_ONCE = 100

#: Seconds between two looks, at the most: the server's clock may be set.
LONGEST = 30.0

#: How many seconds who did not call the last slot comes after who did, at least and at most.
BEHIND = (0.1, 0.5)

#: The state of an entry that nobody has any more is forgotten so long after it was due, in ms.
FORGOTTEN_AFTER = 30 * 86_400_000


class Scheduler:
    """Keeps the schedule of a connector, together with all others that do.

    Each looks at the positions in the store when a slot has come by the server's clock. Who
    publishes a call moves the position in the same step, and only if it is where it was seen.

    An entry that was not there before, or had another rhythm, begins when a worker that has it so
    starts: slots before that are none of its.

    :param connector: whose schedule it is.
    :param entries: what it calls.
    :param client: sends the calls.
    :param broker: gives time and store.
    :param clock: the reactor.
    :param uniform: gives a number between two.
    """

    log = Logger("pipeline.tasks.schedule")

    def __init__(
        self,
        connector: str,
        entries: Sequence[Entry],
        client: Any,
        broker: Any,
        clock: Any,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._kept = tuple(Kept(entry) for entry in entries)
        self._key = schedule_key(connector)
        self._connector = connector
        self._client = client
        self._broker = broker
        self._clock = clock
        self._uniform = uniform
        self._sleep: Deferred[None] | None = None
        self._ended: Deferred[None] | None = None
        self._is_stopping = False
        #: What is wrong with what, and was said.
        self._troubles: dict[str, str] = {}

    def start(self) -> None:
        """Begin, and go on until :meth:`stop`; with no entries there is nothing to be done."""
        if not self._kept:
            return
        self._ended = Deferred.fromCoroutine(self._go_on()).addErrback(self._broken)

    async def stop(self) -> None:
        """Call nothing more; what is being done is finished first, if that takes no longer."""
        self._is_stopping = True
        if self._sleep is not None:
            self._wake()
        if self._ended is not None:
            await self._ended.addTimeout(HURRY, self._clock)

    async def turn(self) -> float:
        """Do what there is to do now.

        :return: seconds until there may be more.
        :raise BrokerError: the store can't be read.
        """
        looking = Deferred.fromCoroutine(self._look())
        now, known = await looking.addTimeout(PATIENCE, self._clock)
        looked = self._clock.seconds()
        self._troubles.pop("", None)
        waits = [LONGEST]
        for kept in self._kept:
            if not self._is_stopping:
                raw = known.get(kept.name.encode())
                waits.append(await self._see_to(kept, raw, now))
        # What was done has taken its time, in which another entry's slot has come closer.
        took: float = self._clock.seconds() - looked
        return max(0.0, min(waits) - took)

    async def _look(self) -> tuple[int, dict[bytes, bytes]]:
        now = await self._broker.now()
        return now, await Store(self._broker.reader(0)).hgetall(self._key)

    async def _go_on(self) -> None:
        await self._guarded("", self._forget())
        while not self._is_stopping:
            wait = await Deferred.fromCoroutine(self.turn()).addErrback(self._failed, "")
            if not self._is_stopping:
                await self._wait(wait)

    def _wait(self, seconds: float) -> Deferred[None]:
        waking = self._clock.callLater(seconds, self._wake)
        self._sleep = Deferred()
        return self._sleep.addCallback(self._woken, waking)

    def _wake(self) -> None:
        sleep, self._sleep = self._sleep, None
        if sleep is not None:
            sleep.callback(None)

    def _woken(self, _: None, waking: Any) -> None:
        if waking.active():
            waking.cancel()

    # One entry ---------------------------------------------------------------------------------

    async def _see_to(self, kept: Kept, raw: bytes | None, now: int) -> float:
        """Do what is due, if anything is."""
        state = parsed(raw)
        if state is None or not kept.goes_on(state, now) or self._until(kept, state, now) <= 0:
            return await self._guarded(kept.name, self._attend(kept, raw, now))
        return self._until(kept, state, now, self._behind(kept))

    async def _attend(self, kept: Kept, raw: bytes | None, now: int) -> float:
        state = parsed(raw)
        if state is None or not kept.goes_on(state, now):
            state = await self._begin(kept, raw, state, now)
        for _ in range(AT_ONCE):
            due = decide(kept.entry, kept.since(state), now)
            if due is None or self._is_stopping:
                return self._until(kept, state, now, self._behind(kept))
            found = await self._take(kept, state, due)
            if found is None:
                # Another was faster: what it has left is seen at the next look.
                return self._uniform(*BEHIND)
            state = found
        return 0.0

    async def _begin(
        self, kept: Kept, raw: bytes | None, state: EntryState | None, now: int
    ) -> EntryState:
        """Note that the entry is kept, and from when on."""
        begun = kept.begin(state, now)
        if begun.encoded() == raw:
            return begun
        store = Store(self._broker.reader(0))
        if await store.hget(self._key, kept.name) != raw:
            kept.begun = None
            raise Conflict
        store.hset(self._key, {kept.name: begun.encoded()})
        await store.commit()
        return begun

    async def _take(self, kept: Kept, state: EntryState, due: Due) -> EntryState | None:
        """Deal with what is due; None: another has."""
        slot = Slot(self._connector, kept.entry, state, due)
        try:
            taken = await slot.take(self._client, self._broker.reader(0))
        except Conflict:
            kept.leads = False
            return None
        if due.missed:
            self.log.warn(
                "schedule {name!r}: {count} slots were missed", name=kept.name, count=due.missed
            )
        kept.leads = True
        return taken

    def _behind(self, kept: Kept) -> float:
        return 0.0 if kept.leads else self._uniform(*BEHIND)

    def _until(self, kept: Kept, state: EntryState, now: int, behind: float = 0.0) -> float:
        """Seconds until the next slot, and a little more."""
        after = kept.after(kept.since(state))
        if after is None or after - now > LONGEST * 1000:
            return LONGEST
        return max(0.0, (after - now) / 1000 + behind)

    async def _forget(self) -> float:
        """Forget what nobody has kept for long."""
        now = await self._broker.now()
        store = Store(self._broker.reader(0))
        own = {kept.name for kept in self._kept}
        for name, raw in (await store.hgetall(self._key)).items():
            state = parsed(raw)
            last = 0 if state is None else max(state.position, state.due or 0)
            if name.decode() not in own and last < now - FORGOTTEN_AFTER:
                store.hdel(self._key, name.decode())
        if store.writes:
            await store.commit()
        return 0.0

    # What goes wrong ---------------------------------------------------------------------------

    def _guarded(self, name: str, doing: Any) -> Deferred[float]:
        """One step, which takes its time at most, and whose error is not the end."""
        step: Deferred[float] = Deferred.fromCoroutine(doing)
        step.addTimeout(PATIENCE, self._clock)
        step.addCallback(self._done, name)
        return step.addErrback(self._failed, name)

    def _done(self, wait: float, name: str) -> float:
        self._troubles.pop(name, None)
        return wait

    def _failed(self, failure: Failure, name: str) -> float:
        if failure.check(Conflict, CancelledError):
            return self._uniform(*BEHIND)
        whose = f"schedule {name!r}" if name else f"the schedule of {self._connector!r}"
        if not failure.check(PipelineError, DeferredTimeout):
            self.log.failure("{whose}: something went wrong", failure, whose=whose)
        elif self._troubles.get(name) != (said := repr(failure.value)):
            self._troubles[name] = said
            self.log.warn("{whose} is held up: {error}", whose=whose, error=said)
        return AGAIN

    def _broken(self, failure: Failure) -> None:
        self.log.failure("the schedule is kept no longer", failure)
