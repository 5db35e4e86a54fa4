"""How all processes are, asked of each: for people and Prometheus, and for the supervisor."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.brokers.embedded import short_place
from pipeline.errors import ConfigError
from pipeline.service.monitor.asking import ask
from pipeline.service.monitor.crowd import SECONDS, Crowd
from pipeline.service.monitor.endpoint import Endpoint
from pipeline.service.monitor.monitor import PRIVATE
from pipeline.service.monitor.options import MonitorConfig
from pipeline.service.running import Part
from pipeline.supervisor.child import Child
from pipeline.supervisor.plan import Plan
from pipeline.supervisor.supervisor import Supervisor

__all__ = ["LOOK", "Overlook"]

#: Seconds between two questions to each process, whether it lives.
LOOK = 5.0


class Overlook:
    """Gives each process a private place to be asked at, asks, and answers for all.

    A process that says by itself that only a new start will help is ended, so that another one
    follows. One that says nothing is not: that may take a moment, and its signs of life tell.

    :param supervisor: who keeps the processes.
    :param clock: the reactor.
    """

    log = Logger()

    def __init__(self, supervisor: Supervisor, clock: Any) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._folder: Path | None = None
        self._numbers = count(1)
        self._seen: dict[str, int] = {}
        self._options: Mapping[str, Any] | None = None
        self._crowd: Crowd | None = None
        self._endpoint: Endpoint | None = None
        self._looking = LoopingCall(self._look)

    @property
    def part(self) -> Part:
        """This, to be there before the processes."""
        return Part("the monitor", self._start, lambda deadline: self._stop())

    def place(self) -> dict[str, str]:
        """A place for a new process, as a variable of its environment."""
        return {PRIVATE: f"unix:{self._folder}/{next(self._numbers)}"}

    def left(self, child: Child) -> None:
        """A process has ended; what it may have left at its place is removed."""
        path = child.variables.get(PRIVATE, "").removeprefix("unix:")
        for each in (path, f"{path}.lock") if path else ():
            with suppress(OSError):
                os.unlink(each)

    async def take(self, plan: Plan) -> None:
        """Answer as a plan says from now on.

        :raise CannotListenError: the place to answer at is taken; then nothing does.
        """
        if plan.monitor == self._options:
            return
        await self._close()
        self._options = plan.monitor
        if plan.monitor is None:
            return
        options = MonitorConfig(plan.monitor)
        self._crowd = Crowd(self._places, self._clock, self._besides, metrics=bool(options.metrics))
        self._endpoint = Endpoint(options, self._crowd.pages, self._clock)
        try:
            await self._endpoint.start()
        except (CannotListenError, ConfigError):
            self._options, self._endpoint = None, None
            raise

    async def _start(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pipeline-", dir=short_place()))
        await self.take(self._supervisor.plan)
        self._looking.clock = self._clock
        self._looking.start(LOOK, now=False).addErrback(self._gone_blind)

    async def _stop(self) -> None:
        if self._looking.running:
            self._looking.stop()
        await self._close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _close(self) -> None:
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            await endpoint.stop()

    # What is asked -------------------------------------------------------------------------------

    def _ready(self) -> dict[str, Child]:
        return {
            str(seat.number): seat.child
            for seat in self._supervisor.seats
            if seat.child is not None and seat.child.is_ready and not seat.child.is_ending
        }

    def _places(self) -> dict[str, str]:
        ready = self._ready()
        for name, pid in list(self._seen.items()):
            if (name not in ready or ready[name].pid != pid) and self._crowd is not None:
                self._crowd.ended(name)
        self._seen = {name: child.pid for name, child in ready.items()}
        return {name: child.variables[PRIVATE] for name, child in ready.items()}

    def _besides(self) -> list[str]:
        return [f"process {n}: {what}" for n, what in self._supervisor.troubles.items()]

    # What is looked at ---------------------------------------------------------------------------

    def _look(self) -> Deferred[Any]:
        asked = [Deferred.fromCoroutine(self._ask(child)) for child in self._ready().values()]
        return DeferredList(asked, fireOnOneErrback=True, consumeErrors=True)

    async def _ask(self, child: Child) -> None:
        said = await ask(child.variables[PRIVATE], "/live", SECONDS, self._clock)
        if said.status != 503:
            return
        try:
            reasons = msgspec.json.decode(said.body, type=_Reasons).reasons
        except msgspec.DecodeError:
            return
        self._supervisor.end(child, "; ".join(reasons))

    def _gone_blind(self, failure: Failure) -> None:
        self.log.failure("processes are no longer asked whether they live", failure)


class _Reasons(msgspec.Struct):
    """What is needed of what a process says of its life."""

    reasons: list[str]
