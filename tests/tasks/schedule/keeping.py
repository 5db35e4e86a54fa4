"""A schedule that is kept by several workers, on a Clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.message import TaskMessage
from pipeline.middleware.stack import MiddlewareStack
from pipeline.tasks.client import Client
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.scheduler import Scheduler
from pipeline.tasks.schedule.slot import slot_of
from pipeline.tasks.schedule.state import EntryState, read_schedule
from tests.tasks.schedule import jobs
from tests.workers import WorkerCase


class KeptCase(WorkerCase):
    """Has schedulers of a connector that nobody serves."""

    schedule_of = "work"

    def setUp(self) -> None:
        super().setUp()
        jobs.slots.clear()
        jobs.gates.clear()
        self.keeping: list[Scheduler] = []
        self.addCleanup(self.stop_all)
        # A time that is no slot.
        self.clock.advance(60.5 - self.clock.seconds() % 60)

    def begin(
        self, entries: Sequence[Entry], *middlewares: Any, behind: Any = 0.2, broker: Any = None
    ) -> Scheduler:
        """A scheduler, as of a process of its own, that keeps these."""
        runtime = self.helper.now(self.helper.place.runtime())
        client = Client(runtime, MiddlewareStack(middlewares))
        given = (self.schedule_of, entries, client, broker or runtime.broker, self.clock)
        made = Scheduler(*given, uniform=behind if callable(behind) else lambda *_: behind)
        made.start()
        self.keeping.append(made)
        self.clock.advance(0)
        return made

    def end(self, scheduler: Scheduler) -> None:
        """Stop one."""
        self.keeping.remove(scheduler)
        self.helper.now(scheduler.stop())

    def stop_all(self) -> None:
        """Stop all."""
        for each in list(self.keeping):
            self.end(each)

    def calls(self) -> list[TaskMessage]:
        """The calls that wait; they are taken."""
        return [delivery.message for delivery in self.taken("work.inbound")]

    def slots(self) -> list[int]:
        """The slots of the calls that wait, in seconds; the calls are taken."""
        return [(slot_of(call) or 0) // 1000 for call in self.calls()]

    def state(self, name: str = "e") -> EntryState:
        """How far an entry has come."""
        reading = Deferred.fromCoroutine(read_schedule(self.looker, self.schedule_of))
        states: dict[str, EntryState] = self.successResultOf(reading)
        return states[name]

    def pass_time(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass in steps, as it does."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
