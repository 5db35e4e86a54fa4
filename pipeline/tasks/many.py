"""Sends many calls of one task together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet.defer import CancelledError

from pipeline.connector.many import Many
from pipeline.connector.publishing import Edge
from pipeline.errors import NotAllSent
from pipeline.message import TaskMessage
from pipeline.signals import task_queued
from pipeline.tasks.call import packed
from pipeline.tasks.chain import Signature
from pipeline.tasks.composing import apply, call_of, limit_wait
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.options import SendOptions

if TYPE_CHECKING:
    from pipeline.tasks.client import Client
    from pipeline.tasks.registry import Task

__all__ = ["Calls", "Given", "checked"]

#: How many calls an error names.
NAMED = 5

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


class Given(NamedTuple):
    """Arguments of many calls, positional and named: as they were said, and as they travel."""

    as_said: list[Arguments]
    packed: list[tuple[list[Any], dict[str, Any]]]


def checked(task: Task[Any, Any], calls: Iterable[Any]) -> Given:
    """The arguments of calls that all can be sent.

    :param calls: as of :meth:`pipeline.tasks.client.Client.send_many`.
    :raise TypeError: one can't; names it.
    """
    given = Given([], [])
    for number, call in enumerate(calls):
        try:
            said = _arguments(task, call)
            given.packed.append(packed(task, *said))
        except TypeError as error:
            raise TypeError(f"calls[{number}]: {error} (none was sent)") from None
        given.as_said.append(said)
    return given


def _arguments(task: Task[Any, Any], call: Any) -> Arguments:
    if isinstance(call, Signature):
        if call.task is not task:
            raise TypeError(f"it is a call of {call.task.name}, not of {task.name}")
        return call.args, call.kwargs
    if isinstance(call, list | tuple):
        return call, {}
    if isinstance(call, Mapping):
        return (), call
    raise TypeError(
        f"{task.name}: a call is a list or a tuple of arguments, a mapping of named ones, or "
        f"task.s(..), got {call!r:.60}"
    )


class Calls:
    """Calls of a task that go out together, from the edge.

    :param client: sends them.
    :param task: which.
    :param options: of each of them.
    """

    def __init__(self, client: Client, task: Task[Any, Any], options: SendOptions | None) -> None:
        self._client = client
        self._task = task
        self._options = options
        self._now = client.clock.seconds()
        self._delay = 0.0 if options is None else options.delay_from(self._now)
        self._handles: list[TaskHandle] = []
        self._dropped: list[int] = []
        #: Those that receivers are to be told of; None: there are none.
        self._told: list[TaskMessage] | None = [] if task_queued.receivers else None

    async def send(self, given: Sequence[tuple[list[Any], dict[str, Any]]]) -> list[TaskHandle]:
        """Send them in steps.

        :param given: their arguments, as they travel.
        :raise NotAllSent: some could not be sent.
        """
        many = await self._many()
        try:
            await many.publish(self._messages(given), self._passed)
        except CancelledError:
            raise
        except Exception as error:
            sent = [self._handles[number] for number in sorted(many.stored)]
            self._tell({handle.id for handle in sent})
            raise self._not_all(sent, len(given), error, many.passing) from error
        self._tell({handle.id for handle in self._handles})
        if self._dropped:
            raise self._middleware_dropped(len(given))
        return self._handles

    async def send_each(self, given: Sequence[Arguments]) -> list[TaskHandle]:
        """Send one after another.

        :param given: their arguments, as they were said.
        :raise NotAllSent: one could not be sent; those after it are not.
        """
        for number, each in enumerate(given):
            try:
                self._handles.append(await self._client.send(self._task, *each, self._options))
            except CancelledError:
                raise
            except Exception as error:
                raise self._not_all(self._handles, len(given), error, number) from error
        return self._handles

    async def _many(self) -> Many:
        client, task = self._client, self._task
        if not task.ignore_result:
            await client.listen(task.queue)
        writes = await client.states.writes_of(task.name, self._delay)
        edge = Edge(None, queue=task.own_queue, delay=self._delay)
        return Many(client.publisher(task.queue), "inbound", edge, writes)

    def _messages(self, given: Sequence[tuple[list[Any], dict[str, Any]]]) -> Iterator[TaskMessage]:
        client, task, options = self._client, self._task, self._options
        waits = not task.ignore_result
        instance, due = client.instance if waits else None, self._now + self._delay
        for args, kwargs in given:
            message = call_of(task, args, kwargs, instance)
            if options is not None:
                apply(options, message)
            limit_wait(message, task.ttl, due)
            handle = TaskHandle(
                message.message_id, task, client.clock, awaited=waits, client=client
            )
            client.remember(task, handle)
            self._handles.append(handle)
            yield message

    def _passed(self, message: TaskMessage | None) -> None:
        """The newest has left the publish chain."""
        if message is None:
            if not self._handles[-1].done:
                self._dropped.append(len(self._handles) - 1)
        elif self._told is not None:
            self._told.append(message)

    def _tell(self, sent: set[str]) -> None:
        for message in self._told or ():
            if message.message_id in sent:
                task_queued.send_robust(self._task, message=message)

    def _middleware_dropped(self, count: int) -> NotAllSent:
        named = ", ".join(f"calls[{number}]" for number in self._dropped[:NAMED])
        more = " .." if len(self._dropped) > NAMED else ""
        what = f"middleware dropped {len(self._dropped)} of {count} calls: {named}{more}"
        dropped = set(self._dropped)
        sent = [handle for n, handle in enumerate(self._handles) if n not in dropped]
        return NotAllSent(f"{self._task.name}: {what}", sent)

    def _not_all(
        self, sent: list[TaskHandle], count: int, error: Exception, number: int | None
    ) -> NotAllSent:
        which = "" if number is None else f"calls[{number}]: "
        why = f"{which}{type(error).__name__}: {error}"
        return NotAllSent(f"{self._task.name}: {len(sent)} of {count} calls were sent: {why}", sent)
