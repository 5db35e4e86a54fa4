"""Runs calls in a child, one at a time, each through its task middleware."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any

import msgspec

from pipeline.errors import PermanentFailure
from pipeline.tasks.call import unpacked
from pipeline.tasks.calling import called, called_through
from pipeline.tasks.current import CurrentTask, running
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.processes.asking import Asking, driven
from pipeline.tasks.processes.channel import Channel
from pipeline.tasks.processes.interruption import Interruption
from pipeline.tasks.processes.problems import problem_of
from pipeline.tasks.processes.reports import Reports
from pipeline.tasks.processes.tracing import join
from pipeline.tasks.processes.wire import Call, Failed, Returned, check_size
from pipeline.tasks.registry import Task
from pipeline.tasks.sender import bound
from pipeline.tasks.shutdown import guard
from pipeline.tasks.states.progress import reporter
from pipeline.threads import awaited

__all__ = ["Performing"]

_NOTHING = b"null"
_decode = msgspec.json.Decoder(CurrentTask).decode


class Performing:
    """Runs calls, and reports what becomes of them.

    :param tasks: by name.
    :param stack: the task middleware around them.
    :param memory: how many bytes of memory the process has.
    """

    def __init__(
        self,
        channel: Channel,
        interruption: Interruption,
        tasks: Mapping[str, Task[Any, Any]],
        stack: TaskStack,
        memory: Callable[[], int],
    ) -> None:
        self._channel = channel
        self._interruption = interruption
        self._tasks = tasks
        self._stack = stack
        self._memory = memory

    def perform(self, asked: Call) -> Returned | Failed:
        """Run a call, in a context of its own.

        :return: what is to be reported. It fits in a frame.
        """
        call = _decode(asked.call)
        self._interruption.begin(asked.number)
        try:
            value = copy_context().run(self._performed, asked, call)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is the outcome
            return Failed(asked.number, problem_of(error, call.name), self._memory())
        return Returned(asked.number, value, self._memory())

    def _performed(self, asked: Call, call: CurrentTask) -> bytes:
        if asked.where is not None:
            join(asked.where)
        running.set(call)
        bound.set(Asking(self._channel, asked.number))
        task = self._tasks[call.name]
        call.args, call.kwargs = unpacked(task, call.args, call.kwargs)
        reports = Reports(self._channel, asked.number)
        reporter.set(reports.take)
        guard.set(self._interruption)
        try:
            value = self._through(task, call)
        finally:
            reports.send()
        if not asked.is_awaited:
            return _NOTHING
        try:
            said = msgspec.json.encode(task.hints.result.pack(value))
        except ValueError as error:
            raise PermanentFailure(f"what {call.name} returned can't travel: {error}") from None
        check_size(f"what {call.name} returned", len(said))
        return said

    def _through(self, task: Task[Any, Any], call: CurrentTask) -> Any:
        inside = partial(self._interruption.run, called, task)
        if self._stack.blocks:
            return called_through(self._stack, inside, call, _wait)
        value = None

        async def run(*args: Any, **kwargs: Any) -> None:
            nonlocal value
            value = inside(args, kwargs)

        _wait(self._stack.run(call, run, call.args, call.kwargs, _here, _wait))
        return value


def _wait(awaitable: Any) -> Any:
    return driven(awaited(awaitable))


async def _here(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)
