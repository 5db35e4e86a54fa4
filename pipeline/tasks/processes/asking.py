"""How a task in a child process sends calls: by asking its worker to."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pipeline.errors import PermanentFailure
from pipeline.tasks.call import packed
from pipeline.tasks.handle import ChainHandle, TaskHandle
from pipeline.tasks.many import checked
from pipeline.tasks.processes.channel import Channel
from pipeline.tasks.processes.problems import rebuilt
from pipeline.tasks.processes.wire import Answer, Send

if TYPE_CHECKING:
    from pipeline.tasks.chain import Signature
    from pipeline.tasks.options import SendOptions
    from pipeline.tasks.registry import Task

__all__ = ["Asking", "driven"]

T = TypeVar("T")


class Asking:
    """Sends calls with the call that runs: they leave when, and only if, that is settled.

    :param channel: to the worker.
    :param number: of the call that runs.
    """

    #: There is no reactor here.
    clock: Any = None

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel = channel
        self._number = number

    async def send(
        self,
        task: Task[Any, Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: SendOptions | None = None,
    ) -> TaskHandle:
        """See :meth:`pipeline.tasks.client.Client.send`; this one blocks."""
        steps = [(task.name, _encoded(*packed(task, args, kwargs or {})))]
        answer = self._ask(steps, {} if options is None else options.said())
        (id,) = answer.ids
        return TaskHandle(id, task, self.clock, awaited=False, is_new=answer.is_new)

    async def send_many(
        self, task: Task[Any, Any], calls: Iterable[Any], options: SendOptions | None = None
    ) -> list[TaskHandle]:
        """See :meth:`pipeline.tasks.client.Client.send_many`; this one asks for each."""
        given = checked(task, calls).as_said
        return [await self.send(task, *each, options) for each in given]

    async def send_chain(self, steps: Sequence[Signature]) -> ChainHandle:
        """See :meth:`pipeline.tasks.client.Client.send_chain`; this one blocks."""
        asked = [
            (step.task.name, _encoded(*packed(*step, behind=min(place, 1))))
            for place, step in enumerate(steps)
        ]
        answer = self._ask(asked)
        return ChainHandle(answer.ids, [step.task for step in steps], self.clock, awaited=False)

    def handle_of(self, call_id: str) -> TaskHandle:
        """A handle that has the id, and can do nothing with it.

        :raise PermanentFailure: always: nothing can be waited for here.
        """
        raise PermanentFailure(f"a task in a process can't ask about the call {call_id}")

    def _ask(self, steps: list[tuple[str, bytes]], options: dict[str, Any] | None = None) -> Answer:
        answer = self._channel.ask(Send(self._number, steps, options or {}))
        if answer.problem is not None:
            raise rebuilt(answer.problem)
        return answer

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns that has nothing to wait for."""
        return driven(coroutine)


def _encoded(args: list[Any], kwargs: dict[str, Any]) -> bytes:
    return msgspec.json.encode([args, kwargs])


def driven(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, where there is no reactor to wait for anything.

    :raise PermanentFailure: it waits for something.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise PermanentFailure(
        "in a child process nothing can be awaited, for there is no reactor: make it a plain def"
    )
