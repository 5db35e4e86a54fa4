"""The states of calls, as who sends them sees and changes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

from twisted.logger import Logger

from pipeline.delivery import Delivery
from pipeline.errors import PipelineError
from pipeline.message import ResultMessage, TaskMessage
from pipeline.store import Store, Write
from pipeline.tasks.results import kept
from pipeline.tasks.states.cancelling import cancel, ended_answer, watch
from pipeline.tasks.states.purging import stage_end
from pipeline.tasks.states.reading import find, status_of
from pipeline.tasks.states.records import NAMES, Record, Writes, waiting_for
from pipeline.tasks.states.status import TaskStatus

__all__ = ["Followed", "SentStates"]


class Followed(NamedTuple):
    """What was found of a call that is waited for.

    :param name: its task's name.
    :param answer: how it ended; None: it has not yet, and will be told of.
    """

    name: str
    answer: ResultMessage | None


class SentStates:
    """Makes, reads and ends the states of calls.

    :param broker: where they are kept.
    :param clock: the reactor.
    :param keep: seconds that a call is remembered after its end; 0: no states are kept.
    :ivar are_kept: whether any are.
    """

    log = Logger("pipeline.tasks")

    def __init__(self, broker: Any, clock: Any, keep: float) -> None:
        self._writes = Writes(keep) if keep else None
        self.are_kept = bool(keep)
        self._broker = broker
        self._clock = clock
        self._named: set[str] = set()

    async def queued(self, message: TaskMessage, wait: float) -> tuple[Write, ...]:
        """What is written together with a call.

        :param wait: seconds until it is due.
        """
        writes = await self.writes_of(message.task, wait)
        return () if writes is None else writes(message)

    async def writes_of(
        self, task: str, wait: float
    ) -> Callable[[TaskMessage], tuple[Write, ...]] | None:
        """What tells, of each call of a task, what is written together with it; None: nothing is.

        :param wait: seconds until they are due.
        """
        if self._writes is None:
            return None
        if task not in self._named:
            await self._name(task)
        return partial(self._queued, self._writes, wait)

    def _queued(self, writes: Writes, wait: float, message: TaskMessage) -> tuple[Write, ...]:
        now = self._clock.seconds()
        record = Record("queued", message.task, message.transport_name or "", now)
        record.reply, record.reply_id = waiting_for(message)
        if wait:
            record.due_at = now + wait
        return writes.live(message.message_id, record, wait)

    async def status(self, call_id: str) -> TaskStatus:
        """What is known of a call.

        :raise UnknownCall: nothing.
        """
        return await status_of(self._broker, call_id)

    async def cancel(
        self, call_id: str, encoded: Callable[[str, ResultMessage], Awaitable[bytes | None]]
    ) -> bool:
        """See :func:`pipeline.tasks.states.cancelling.cancel`.

        :raise PipelineError: no states are kept.
        """
        if self._writes is None:
            raise PipelineError(
                "calls can't be cancelled where no states are kept: set keep_task_states"
            )
        return await cancel(self._broker, self._writes, call_id, self._clock.seconds(), encoded)

    async def purged(
        self,
        delivery: Delivery,
        message: TaskMessage,
        watched: list[str],
        leaving: Callable[[str, ResultMessage], Awaitable[bytes | None]],
    ) -> None:
        """See :func:`pipeline.tasks.states.purging.stage_end`."""
        now = self._clock.seconds()
        await stage_end(delivery, message, self._writes, now, watched, leaving)

    async def follow(
        self, call_id: str, instance: str, opened: Callable[[str], Awaitable[None]]
    ) -> Followed:
        """Have an instance told how a call ends, and look whether it has.

        :param opened: given a connector, fires when the instance reads its answers.
        :raise UnknownCall: nothing is known of it, or its result was not kept.
        """
        answer = await kept(self._broker, call_id)
        if answer is not None:
            return Followed("", answer)
        found = await find(self._broker, call_id)
        if not found.record.is_final:
            await opened(found.record.queue)
            await watch(self._broker, found, call_id, instance, self._clock.seconds())
        return Followed(found.record.task, await ended_answer(self._broker, call_id))

    async def _name(self, task: str) -> None:
        """Let it be known that there is such a task."""
        store = Store(self._broker.reader(0))
        store.hset(NAMES, {task: self._clock.seconds()})
        try:
            await store.commit()
        except PipelineError as error:
            self.log.info("{task} could not be listed: {error}", task=task, error=error)
            return
        self._named.add(task)
