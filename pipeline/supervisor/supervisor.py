"""Keeps the processes of a configuration running, and replaces them by those of the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.config.problems import flattened
from pipeline.errors import ConfigError
from pipeline.service.running import explained
from pipeline.supervisor.child import Child
from pipeline.supervisor.memory import memory_of
from pipeline.supervisor.plan import Plan
from pipeline.supervisor.seat import GRACE, Seat, Spawn
from pipeline.supervisor.sockets import Sockets
from pipeline.transports.binding import Binding

__all__ = ["Supervisor"]

#: Seconds between two looks at whether the processes live, and at their memory.
LOOK, WEIGH = 1.0, 5.0
#: Seconds between two replacements of one process for its memory.
REST = 60.0


async def _nothing(plan: Plan) -> None:
    """Nobody wants to know."""


class Supervisor:
    """Runs a plan.

    :param plan: the first.
    :param sockets: what the processes listen on.
    :param spawn: starts a process.
    :param check: reads the configuration anew; a Deferred of a plan, or of a ConfigError.
    :param clock: the reactor.
    :param ended: called when nothing runs any more, and nothing will: with an explanation if it
        could not, with None if all was done.
    """

    log = Logger()

    def __init__(
        self,
        plan: Plan,
        sockets: Sockets,
        spawn: Spawn,
        check: Callable[[], Deferred[Plan]],
        clock: Any,
        ended: Callable[[str | None], None],
    ) -> None:
        self.plan = plan
        self.seats: list[Seat] = []
        self.is_stopping = False
        #: Called when a new plan has been taken over.
        self.taken_over: Callable[[Plan], Awaitable[None]] = _nothing
        self._sockets = sockets
        self._spawn = spawn
        self._check = check
        self._clock = clock
        self._ended = ended
        #: All processes have been ready at the same time.
        self.was_ready = False
        #: A new configuration is being read, or taken over.
        self.is_reloading = False
        self._reload_again = False
        self._weighed: dict[int, float] = {}
        self._looking = LoopingCall(self._look)
        self._weighing = LoopingCall(self._weigh)

    @property
    def is_ready(self) -> bool:
        """Every process is ready, or has done its work."""
        return bool(self.seats) and not self.troubles and not self.is_stopping

    @property
    def troubles(self) -> dict[int, str]:
        """What is wrong, by the number of the process."""
        return {seat.number: seat.trouble for seat in self.seats if seat.trouble}

    def start(self) -> None:
        """Start all processes."""
        for number in range(1, self.plan.processes + 1):
            self._add(number, self.plan).start()
        for looking, seconds in ((self._looking, LOOK), (self._weighing, WEIGH)):
            looking.clock = self._clock
            looking.start(seconds, now=False).addErrback(self._gone_blind)

    async def stop(self, seconds: float) -> None:
        """End all processes in good order.

        :param seconds: until those that still run are killed.
        """
        self.is_stopping = True
        for looking in (self._looking, self._weighing):
            if looking.running:
                looking.stop()
        await DeferredList([Deferred.fromCoroutine(seat.stop(seconds)) for seat in self.seats])

    def hurry(self) -> None:
        """Have all processes hand back what is in hand and end at once."""
        for seat in self.seats:
            seat.hurry()

    def end(self, child: Child, why: str) -> None:
        """End a process that is of no use any more; another one follows."""
        for seat in self.seats:
            if seat.child is child:
                seat.end(why)

    # Another configuration -----------------------------------------------------------------------

    def reload(self) -> None:
        """Read the configuration anew, and if it is right replace the processes one by one."""
        self._reload_again = self.is_reloading
        if not self.is_reloading and not self.is_stopping:
            self.is_reloading = True
            Deferred.fromCoroutine(self._reload()).addErrback(self._not_reloaded)

    async def _reload(self) -> None:
        try:
            await self._take_over(await self._check())
        except ConfigError as error:
            self._say_wrong(error)
        except CannotListenError as error:
            self.log.error("{why}; nothing was changed", why=explained(error))
        finally:
            self.is_reloading = False
            self._sockets.keep(self._bindings())
        if self._reload_again:
            self.reload()

    def _not_reloaded(self, failure: Failure) -> None:
        self.log.failure("the configuration was not taken over", failure)

    def _say_wrong(self, error: ConfigError) -> None:
        if self.is_stopping:
            return
        for each in flattened(error):
            self.log.error("the new configuration: {error}", error=each)
        self.log.error("the new configuration is wrong: all goes on with the old one")

    async def _take_over(self, plan: Plan) -> None:
        if (plan.is_private, plan.folder) != (self.plan.is_private, self.plan.folder):
            raise ConfigError("redis: another private server needs another start")
        self._sockets.bind(plan.bindings)
        self.log.info("the new configuration is right: processes are replaced one by one")
        for seat in self.seats[: plan.processes]:
            if not await self._replaced(seat, plan):
                return
        self.plan = plan
        await self._resize(plan)
        await self.taken_over(plan)
        self.log.info("the new configuration has been taken over")

    def _bindings(self) -> dict[str, Binding]:
        """What is in use, which is of two configurations where one was not taken over by all."""
        used = [seat.plan.bindings for seat in self.seats]
        return {each: bound for bindings in used for each, bound in bindings.items()}

    async def _replaced(self, seat: Seat, plan: Plan) -> bool:
        if await seat.replace(plan):
            return True
        if not self.is_stopping:
            text = "process {n} did not get ready with the new configuration: it and those after it"
            self.log.error(text + " keep the old one", n=seat.number)
        return False

    async def _resize(self, plan: Plan) -> None:
        surplus = self.seats[plan.processes :]
        for seat in surplus:
            await seat.stop(seat.plan.stop_timeout + GRACE)
            self.seats.remove(seat)
        for number in range(len(self.seats) + 1, plan.processes + 1):
            if not self.is_stopping:
                self._add(number, plan).start()

    # Looks ---------------------------------------------------------------------------------------

    def _add(self, number: int, plan: Plan) -> Seat:
        seat = Seat(number, plan, self._spawn, self._clock, self._changed)
        self.seats.append(seat)
        return seat

    def _changed(self) -> None:
        if self.is_stopping or not self.seats:
            return
        if all(seat.is_done for seat in self.seats):
            self._ended(None)
        elif all(seat.is_hopeless for seat in self.seats):
            self._ended("the configuration is wrong, as every process found when it began")
        elif self.is_ready and not self.was_ready:
            self.was_ready = True
            self.log.info("{all} ready", all=self._all_of_them())

    def _all_of_them(self) -> str:
        several = len(self.seats)
        return f"all {several} processes are" if several > 1 else "the process is"

    def _look(self) -> None:
        for seat in self.seats:
            seat.look(LOOK)

    def _weigh(self) -> None:
        for seat in self.seats:
            limit, child = seat.plan.max_memory, seat.child
            if limit is None or child is None or not child.is_ready:
                continue
            memory = memory_of(child.pid)
            if memory is not None and memory > limit:
                self._relieve(seat, memory, limit)

    def _relieve(self, seat: Seat, memory: int, limit: int) -> None:
        now = self._clock.seconds()
        if now - self._weighed.get(seat.number, now - REST) < REST:
            return
        self._weighed[seat.number] = now
        text = "process {n} has {memory:,} MB of memory, more than max_memory ({limit:,} MB):"
        megabyte = 1024**2
        self.log.warn(
            text + " it is replaced",
            n=seat.number,
            memory=memory // megabyte,
            limit=limit // megabyte,
        )
        replacing = Deferred.fromCoroutine(seat.replace(seat.plan))
        replacing.addErrback(lambda failure: self.log.failure("not replaced", failure))

    def _gone_blind(self, failure: Failure) -> None:
        self.log.failure("the processes are no longer watched", failure)
