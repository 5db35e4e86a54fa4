"""A call that was sent, as who sent it sees it, or who has its id."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, TimeoutError

from pipeline.errors import ResultTimeout, TaskFailed, UnknownCall

if TYPE_CHECKING:
    from pipeline.message import ResultMessage
    from pipeline.tasks.client import Client
    from pipeline.tasks.registry import Task
    from pipeline.tasks.states.status import TaskStatus

__all__ = ["ChainHandle", "TaskHandle"]

#: Handles whose results somebody waits for. Clients know them weakly, and who waits may be known to
#: the handle alone: together they would be garbage.
_waited_for: set[TaskHandle] = set()


class TaskHandle:
    """A call that was sent.

    :ivar id: the call's message id.
    :ivar task: the task's name; "" in a handle that was made of an id.
    :ivar is_new: False when nothing was sent, since an equal call of a unique task was there.
    :param awaited: whether its result comes here.
    :param is_step: it is a step of a chain, whose handle its result comes to.
    :param first: of the same call, the handle that its result comes to.
    """

    # Who sends many calls holds a handle of each.
    __slots__ = (
        "__weakref__",
        "_answer",
        "_awaited",
        "_client",
        "_clock",
        "_first",
        "_is_step",
        "_of",
        "_waiting",
        "id",
        "is_new",
        "task",
    )

    def __init__(
        self,
        id: str,
        task: Task[Any, Any] | None,
        clock: Any,
        *,
        awaited: bool,
        first: TaskHandle | None = None,
        is_new: bool = True,
        is_step: bool = False,
        client: Client | None = None,
    ) -> None:
        self.id = id
        self.task = "" if task is None else task.name
        self._of = task
        self._clock = clock
        self._awaited = awaited
        self._first = first
        self.is_new = is_new
        self._is_step = is_step
        self._client = client
        self._answer: ResultMessage | None = None
        self._waiting: list[Deferred[None]] | None = None

    def __repr__(self) -> str:
        return f"<TaskHandle {self.task} {self.id}>"

    @property
    def done(self) -> bool:
        """Whether the result is there."""
        return self._answer is not None if self._first is None else self._first.done

    @property
    def is_coming(self) -> bool:
        """Whether its result is there, or comes here when it is."""
        return self._first is not None or self._awaited

    async def status(self) -> TaskStatus:
        """What is known of the call now, as its state, times and progress.

        :raise UnknownCall: nothing, as it is still to be sent, or not any more.
        :raise BrokerError: the store can't be read.
        """
        return await self._sender().status(self.id)

    async def cancel(self) -> bool:
        """Cancel the call: it is not run, or if it runs it is broken off and counts for nothing.

        Who waits for its result is told so at once. In an async task TaskCancelled is raised, a
        process is killed; a thread runs on, but what it returns and has staged is thrown away.

        :return: True: it is cancelled; False: it had ended before. Never both.
        :raise UnknownCall: nothing is known of it.
        :raise BrokerError: the store can't be reached.
        """
        return await self._sender().cancel(self.id)

    async def result(self, timeout: float | None = None) -> Any:
        """Wait for what the task returns. May be called several times.

        :param timeout: seconds to wait; None: as long as it takes.
        :raise TaskFailed: the task ended in an error, after the retries it has, or was cancelled.
        :raise ResultTimeout: there is no result yet; the task may still run.
        :raise UnknownCall: (of a handle that was made of an id) nothing is known of it, or its
            result was not kept.
        :raise RuntimeError: the call was sent while a message was handled, and so leaves only
            when that is done: to wait for it there would be to wait for ever. Or its task has
            ``ignore_result``.
        """
        if self._first is not None:
            return await self._first.result(timeout)
        if not self.is_new:
            raise RuntimeError(
                f"{self.task} {self.id} was sent by another, who waits for its result: "
                "it can't be waited for here"
            )
        if self._is_step:
            raise RuntimeError(f"{self.task} is a step of a chain: wait for the chain's result")
        if not self._awaited and self._of is not None and self._of.ignore_result:
            raise RuntimeError(f"{self.task} has ignore_result: its calls are not answered")
        if not self._awaited:
            raise RuntimeError(
                f"the call of {self.task} is sent when the message in hand is done: "
                "its result can't be waited for here"
            )
        if self._answer is None and self._of is None:
            await self._sender().watch(self)
        if self._answer is None:
            await self._arrival(timeout)
        return self._outcome()

    def settle(self, answer: ResultMessage) -> None:
        """Take the answer; called by the client that reads them."""
        self._answer = answer
        waiting, self._waiting = self._waiting, None
        for each in waiting or ():
            each.callback(None)

    def know(self, task: Task[Any, Any]) -> None:
        """Take what was found out about an id."""
        self.task, self._of = task.name, task

    def _sender(self) -> Client:
        if self._client is None:
            raise RuntimeError(f"{self!r} belongs to no client")
        return self._client

    async def _arrival(self, timeout: float | None) -> None:
        waiting = self._waiting = [] if self._waiting is None else self._waiting
        arrived: Deferred[None] = Deferred(waiting.remove)
        waiting.append(arrived)
        if timeout is not None:
            arrived.addTimeout(timeout, self._clock)
        _waited_for.add(self)
        try:
            await arrived
        except TimeoutError:
            raise ResultTimeout(f"{self.task} {self.id}: no result after {timeout:g} s") from None
        finally:
            if not self._waiting:
                _waited_for.discard(self)

    def _outcome(self) -> Any:
        answer = self._answer
        assert answer is not None
        if answer.status != "finished":
            what = answer.error or f"the task is {answer.status}"
            raise TaskFailed(what, answer.traceback or "", status=answer.status)
        return answer.value if self._of is None else self._of.hints.result.unpack(answer.value)


class ChainHandle(TaskHandle):
    """A chain that was sent. Its result is that of the last step, or the error of one that failed.

    :param ids: of the calls.
    :param tasks: their tasks.
    :ivar steps: a handle of each step, to look at; only the chain's own can be waited for.
    """

    __slots__ = ("steps",)

    def __init__(
        self,
        ids: Sequence[str],
        tasks: Sequence[Task[Any, Any]],
        clock: Any,
        *,
        awaited: bool,
        client: Client | None = None,
    ) -> None:
        super().__init__(ids[0], tasks[-1], clock, awaited=awaited, client=client)
        self.task = " -> ".join(task.name for task in tasks)
        self.steps = tuple(
            TaskHandle(id, task, clock, awaited=False, is_step=True, client=client)
            for id, task in zip(ids, tasks, strict=True)
        )

    async def status(self) -> TaskStatus:
        """What is known of the step that the chain has come to."""
        for step in reversed(self.steps[1:]):
            with suppress(UnknownCall):
                return await step.status()
        return await self.steps[0].status()

    async def cancel(self) -> bool:
        """Cancel the step that the chain has come to, and so all that would follow."""
        for step in self.steps[:-1]:
            if await step.cancel():
                return True
            # It has ended, and the next was sent in the same moment unless it has failed.
            if (await step.status()).state != "finished":
                return False
        return await self.steps[-1].cancel()
