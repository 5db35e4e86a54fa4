"""The place of one process: whoever ends there is followed by another."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import DeferredList, DeferredLock, TimeoutError
from twisted.logger import Logger

from pipeline.supervisor.child import Child, Ending
from pipeline.supervisor.pace import LONGEST, LOOP, WITHIN, Pace
from pipeline.supervisor.plan import Plan

__all__ = ["Seat"]

Spawn = Callable[[int, Plan], Child]

#: Seconds that a process which hangs has to end by itself.
HUNG_GRACE = 5.0
#: Seconds beyond its time that a process has to stop, before it is killed.
GRACE = 10.0


class Seat:
    """Keeps one process running.

    :param number: from 1.
    :param plan: what runs there.
    :param spawn: starts a process for a plan.
    :param clock: the reactor.
    :param changed: called when something has changed for who looks at all of them.
    :ivar child: the process that counts; None between two of them.
    :ivar last: how the one before ended; None if none did.
    :ivar is_done: it has done all there was to do, and nobody follows.
    """

    log = Logger()

    def __init__(
        self, number: int, plan: Plan, spawn: Spawn, clock: Any, changed: Callable[[], None]
    ) -> None:
        self.number = number
        self.plan = plan
        self.child: Child | None = None
        self.last: Ending | None = None
        self.is_done = False
        self.pace = Pace()
        self._has_run = False
        self._spawn = spawn
        self._clock = clock
        self._changed = changed
        self._again: Any = None
        self._is_stopping = False
        self._replacing = DeferredLock()
        self._all: list[Child] = []

    @property
    def is_ready(self) -> bool:
        """All workers run there."""
        return self.child is not None and self.child.is_ready

    @property
    def is_hopeless(self) -> bool:
        """Its configuration was wrong when it first began."""
        return self.last is not None and self.last.is_wrong and not self._has_run

    @property
    def trouble(self) -> str | None:
        """What is wrong there, in words; None if all is well."""
        if self.is_ready or self.is_done or self._is_stopping:
            return None
        if self.pace.is_looping:
            return f"crashes again and again: the last one {self.last}"
        if self.child is not None:
            return "starts"
        return f"{self.last}" if self.last is not None else "has not started"

    def start(self) -> None:
        """Start a process, and another whenever one ends."""
        self._again = None
        try:
            self._take(self._begin(self.plan))
        except OSError as error:
            self.log.error("process {n} can't be started: {error}", n=self.number, error=error)
            self._start_after(LONGEST)

    async def replace(self, plan: Plan) -> bool:
        """Put another process in the place of the one that runs, which then ends in good order.

        The new one is ready before the old one stops; but where something runs that must not
        run twice, the old one stops first.

        :param plan: what the new one runs; it is kept if the new one gets ready in time.
        :return: whether it did.
        """
        await self._replacing.acquire()
        try:
            if self._is_stopping:
                return False
            is_replaced = await self._replaced(plan)
        except OSError as error:
            self.log.error("process {n} can't be started: {error}", n=self.number, error=error)
            return False
        finally:
            self._replacing.release()
        if is_replaced:
            self.pace.steady()
        return is_replaced

    def _replaced(self, plan: Plan) -> Coroutine[Any, Any, bool]:
        if self.child is None or any(each.has_single(self.number) for each in (plan, self.plan)):
            return self._stop_then_start(plan)
        return self._start_then_stop(plan)

    async def stop(self, seconds: float) -> None:
        """End what runs there; nobody follows.

        :param seconds: until it is killed.
        """
        self._is_stopping = True
        self._cancel()
        await DeferredList([child.stop(seconds) for child in self._all])

    def hurry(self) -> None:
        """Have all that runs there end at once."""
        for child in self._all:
            child.hurry()

    def end(self, why: str) -> None:
        """End the process, which says itself that it must."""
        if self.child is not None and not self.child.is_ending:
            self.log.error("process {n} is ended: {why}", n=self.number, why=why)
            self.child.stop(HUNG_GRACE)

    def look(self, seconds: float) -> None:
        """End what gives no sign of life.

        :param seconds: since the last look. Looks are counted, not time, so that a machine that
            was suspended has no processes that hang.
        """
        for child in list(self._all):
            child.silent += seconds
            limit = self.plan.hung_after if child.has_begun else self.plan.start_timeout
            if limit and child.silent >= limit and not child.is_ending:
                what = "gives no sign of life" if child.has_begun else "does not begin"
                text = "process {n} {what} for {limit:g} s: it is ended"
                self.log.error(text, n=self.number, what=what, limit=limit)
                child.stop(HUNG_GRACE)

    async def _start_then_stop(self, plan: Plan) -> bool:
        fresh = self._begin(plan)
        if not await self._ready_in_time(fresh, plan):
            return False
        old, self.plan = self.child, plan
        self._cancel()
        self._take(fresh)
        if old is not None:
            await old.stop(plan.stop_timeout + GRACE)
        return True

    async def _stop_then_start(self, plan: Plan) -> bool:
        self._cancel()
        old, self.child, before = self.child, None, self.plan
        if old is not None:
            await old.stop(before.stop_timeout + GRACE)
        if self._is_stopping:
            return False
        try:
            fresh = self._begin(plan)
        except OSError:
            self._start_after(LONGEST)  # nobody is there any more whose end would do it
            raise
        self.plan = plan
        self._take(fresh)
        if await self._ready_in_time(fresh, plan):
            return True
        # It is the old plan again that its followers have.
        self.plan = before
        return False

    async def _ready_in_time(self, fresh: Child, plan: Plan) -> bool:
        try:
            return await fresh.until_ready().addTimeout(plan.start_timeout, self._clock)
        except TimeoutError:
            text = "process {n} is not ready after {limit:g} s: it is ended"
            self.log.error(text, n=self.number, limit=plan.start_timeout)
            await fresh.stop(HUNG_GRACE)
            return False

    def _begin(self, plan: Plan) -> Child:
        child = self._spawn(self.number, plan)
        self._all.append(child)
        child.until_ended().addCallback(self._ended, child)
        child.until_ready().addCallback(self._ready, child)
        return child

    def _take(self, child: Child) -> None:
        self.child = child
        if child.is_ready:
            self._settled(child)
        self._changed()

    def _ready(self, is_ready: bool, child: Child) -> None:
        if is_ready and child is self.child:
            self._settled(child)
        self._changed()

    def _settled(self, child: Child) -> None:
        self._has_run = True
        self.log.info("process {n} is ready, pid {pid}", n=self.number, pid=child.pid)

    def _ended(self, ending: Ending, child: Child) -> None:
        self._all.remove(child)
        if child is self.child and not self._is_stopping:
            self.child = None
            self.last = ending
            self._follow(ending, child)
        elif not self._is_stopping and not child.is_ready:
            self._tell("process {n} did not get ready: it {how}", ending, child)
        self._changed()

    def _follow(self, ending: Ending, child: Child) -> None:
        """Decide who comes after a process that has ended by itself."""
        if ending.was_done:
            self.is_done = True
            self.log.info("process {n} has done all there was to do", n=self.number)
            return
        was_looping = self.pace.is_looping
        now = self._clock.seconds()
        wait = self.pace.ended(now, now - child.began if child.is_ready else 0.0)
        if self.pace.is_looping:
            self._tell_loop(ending, child, was_looping)
        else:
            what = f"process {{n}} {{how}}: another one is started in {wait:g} s"
            self._tell(what, ending, None)
        self._start_after(wait)

    def _tell_loop(self, ending: Ending, child: Child, was_looping: bool) -> None:
        times = "again" if was_looping else f"{LOOP} times within {WITHIN:g} s"
        what = f"process {{n}} has crashed {times}, at last it {{how}};"
        self._tell(f"{what} the next one is started in {LONGEST:g} s", ending, child)

    def _tell(self, what: str, ending: Ending, child: Child | None) -> None:
        words = ""
        if child is not None and child.last_words:
            lines = [line.decode("utf-8", "replace") for line in child.last_words]
            words = "\n    ".join(["\nits last words:", *lines])
        self.log.error(what + "{words}", n=self.number, how=str(ending), words=words)

    def _start_after(self, seconds: float) -> None:
        self._cancel()
        self._again = self._clock.callLater(seconds, self.start)

    def _cancel(self) -> None:
        if self._again is not None and self._again.active():
            self._again.cancel()
        self._again = None
