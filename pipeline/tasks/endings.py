"""How calls end: who waits is answered, their state is kept, and others may follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector.publishing import queue_of
from pipeline.delivery import Delivery
from pipeline.errors import PermanentFailure, TaskCancelled
from pipeline.message import ResultMessage, TaskMessage
from pipeline.tasks.chain import FIELD as CHAIN
from pipeline.tasks.chain import address, is_followed
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.options import known_overrides
from pipeline.tasks.registry import Task
from pipeline.tasks.results import keep
from pipeline.tasks.schedule.slot import ended
from pipeline.tasks.states.keeper import Keeper
from pipeline.tasks.unique import FIELD as UNIQUE
from pipeline.tasks.unique import give_up

__all__ = ["Endings", "is_awaited"]


def is_awaited(message: TaskMessage) -> bool:
    """Whether somebody waits where the call was sent."""
    return bool(message.reply_to or message.is_awaited)


class Endings:
    """Stages all that belongs to the end of a call in its delivery.

    :param name: the connector.
    :param tasks: the tasks, by name.
    :param publish: as of :meth:`pipeline.connector.Connector.publish`.
    :param follow: as of :meth:`pipeline.tasks.client.Client.follow`.
    :param current: makes a CurrentTask of a call's message.
    """

    def __init__(
        self,
        name: str,
        tasks: Mapping[str, Task[Any, Any]],
        publish: Callable[..., Deferred[Any]],
        follow: Callable[[TaskMessage, Any, Delivery], Awaitable[None]],
        current: Callable[[TaskMessage], CurrentTask],
    ) -> None:
        self._name = name
        self._tasks = tasks
        self._publish = publish
        self._follow = follow
        self._current = current
        self._states: Any = None

    def kept_by(self, states: Keeper) -> None:
        """Have states kept."""
        self._states = states

    def is_wanted(self, message: TaskMessage) -> bool:
        """Whether anybody wants what a call returns."""
        return bool(
            is_awaited(message)
            or self._keeps(message)
            or is_followed(message)
            or self._states.is_watched(message.message_id)
        )

    def finished(
        self, message: TaskMessage, value: Any, delivery: Delivery
    ) -> Awaitable[None] | None:
        """A call has returned something.

        :return: None when nobody waits and nothing follows, as most often; else what is still to be
            waited for, which raises PermanentFailure if the value can't travel.
        """
        if UNIQUE in message.extra or self.is_wanted(message):
            return self._finished(message, value, delivery)
        self._keep("finished", message, delivery, value=value)
        ended(message, delivery)
        return None

    async def _finished(self, message: TaskMessage, value: Any, delivery: Delivery) -> None:
        if self.is_wanted(message):
            task = self._tasks[message.task]
            try:
                packed = task.hints.result.pack(value)
            except ValueError as error:
                raise PermanentFailure(f"what {task.name} returned can't travel: {error}") from None
            await self._answer(message, message.result(packed), delivery)
            if is_followed(message):
                await self._follow(message, packed, delivery)
        await self._end("finished", message, delivery, value=value)

    async def failed(
        self, message: TaskMessage, answer: ResultMessage, error: Any, delivery: Delivery
    ) -> None:
        """A call has failed for good.

        :param answer: what who waits is told.
        :param error: an exception, or a text.
        """
        await self._answer(message, answer, delivery)
        await self._end("failed", message, delivery, error=error)

    async def dropped(self, message: TaskMessage, reason: str, delivery: Delivery) -> None:
        """A call is not run, or has dropped itself."""
        await self._answer(message, message.cancelled(reason), delivery)
        await self._end("cancelled", message, delivery, error=reason)

    async def answered(self, message: TaskMessage, delivery: Delivery) -> None:
        """Middleware has answered a call instead of having it run."""
        await self._end("finished", message, delivery, value=None)

    async def cancelled(
        self, message: TaskMessage, error: TaskCancelled, delivery: Delivery
    ) -> None:
        """A call was cancelled by order; who gave that has kept the state, and told its sender."""
        call = self._current(message)
        if self._states.is_watched(call.id):
            await self._states.tell(message.cancelled(str(error)), delivery)
        task = self._tasks.get(call.name, call.name)
        self._states.cancelled(task, call, delivery)
        await self._let_follow(message, delivery)

    async def answer_instance(
        self, answer: ResultMessage, instance: str, delivery: Delivery | None
    ) -> None:
        """Tell somebody who waits elsewhere."""
        queue = f"{queue_of(self._name, 'outbound')}@{instance}"
        await self._publish("outbound", answer, delivery=delivery, queue=queue)

    async def _end(self, state: str, message: TaskMessage, delivery: Delivery, **how: Any) -> None:
        self._keep(state, message, delivery, **how)
        await self._let_follow(message, delivery)

    def _keep(self, state: str, message: TaskMessage, delivery: Delivery, **how: Any) -> None:
        if self._states.heeds(state):
            task = self._tasks.get(message.task, message.task)
            call = self._states.call_of(message) or self._current(message)
            self._states.ended(state, task, call, delivery, **how)

    async def _let_follow(self, message: TaskMessage, delivery: Delivery) -> None:
        ended(message, delivery)
        if UNIQUE in message.extra:
            await give_up(message, delivery.store)

    async def _answer(
        self, message: TaskMessage, answer: ResultMessage, delivery: Delivery
    ) -> None:
        """For who waits for it, here and elsewhere, and for who asks later."""
        seconds = self._keeps(message)
        if seconds:
            keep(delivery, answer, seconds)
        if self._states.is_watched(message.message_id):
            await self._states.tell(answer, delivery)
        if not is_awaited(message):
            return
        if CHAIN in message.extra:
            if answer.status == "finished" and is_followed(message):
                return
            address(answer, message)
        await self._publish("outbound", answer, delivery=delivery)

    def _keeps(self, message: TaskMessage) -> float | None:
        """For how many seconds the result is kept."""
        own = known_overrides(message).keep_result
        task = self._tasks.get(message.task)
        return own if own is not None else task.keep_result if task is not None else None
