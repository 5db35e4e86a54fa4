"""The ways to have a task called by message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from pipeline.tasks.chain import Signature
from pipeline.tasks.options import SendOptions
from pipeline.tasks.sender import current_sender, current_sync_sender

if TYPE_CHECKING:
    from pipeline.tasks.handle import TaskHandle
    from pipeline.tasks.registry import Task
    from pipeline.tasks.sync import SyncHandle

__all__ = ["Sendable"]

P = ParamSpec("P")
R = TypeVar("R")


class Sendable(Generic[P, R]):
    """What a :class:`~pipeline.tasks.registry.Task` is for who sends its calls."""

    @property
    def _itself(self) -> Task[P, R]:
        return cast("Task[P, R]", self)

    async def send(self, *args: P.args, **kwargs: P.kwargs) -> TaskHandle:
        """Have this called with these arguments, in a worker that serves its queue.

        While a message is handled the call is sent when, and only if, that is settled as done.

        :return: a handle with the ``id`` of the call, to wait for its result.
        :raise TypeError: the arguments don't fit the function, or one can't travel.
        :raise RuntimeError: nothing binds tasks to a namespace here, see
            :func:`pipeline.tasks.sender.bind`.
        :raise BrokerError: the call could not be sent.
        """
        return await current_sender().send(self._itself, args, kwargs)

    async def send_with_options(
        self,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        delay: float | timedelta | None = None,
        at: datetime | None = None,
        key: str | None = None,
        retries: int | None = None,
        timeout: float | None = None,
        keep_result: float | None = None,
    ) -> TaskHandle:
        """As :meth:`send`, and say more about this one call.

        :param delay: seconds, or a timedelta, before it may run.
        :param at: an aware datetime before which it won't run; in the past: at once.
        :param key: calls with the same key run one after another, where ``ordering`` says so.
        :param retries: instead of the task's own, as ``timeout`` and ``keep_result``.
        :raise TypeError: an argument doesn't fit or can't travel, or an option is of a wrong type.
        :raise ValueError: an option makes no sense.
        """
        options = SendOptions(
            delay, at, key, retries=retries, timeout=timeout, keep_result=keep_result
        )
        return await current_sender().send(self._itself, args, kwargs or {}, options)

    async def send_many(
        self,
        calls: Iterable[Any],
        *,
        delay: float | timedelta | None = None,
        at: datetime | None = None,
        key: str | None = None,
        retries: int | None = None,
        timeout: float | None = None,
        keep_result: float | None = None,
    ) -> list[TaskHandle]:
        """Have this called many times, at a fraction of what each costs alone.

        All calls are checked before one is sent. They are sent in order, 500 in a step, and each
        step is stored whole or not at all; those of a unique task go one by one. While a message is
        handled they are sent when, and only if, that is settled as done.

        :param calls: each a list or tuple of arguments, a mapping of named ones, or
            ``this.s(..)``.
        :param delay: of each of them; this and the others as in :meth:`send_with_options`.
        :return: the handles of the calls, in their order.
        :raise TypeError: the arguments of a call, which it names, don't fit or can't travel; none
            is sent.
        :raise NotAllSent: some could not be sent; its ``sent`` has the handles of the others.
        """
        options = SendOptions(
            delay, at, key, retries=retries, timeout=timeout, keep_result=keep_result
        )
        return await current_sender().send_many(self._itself, calls, options)

    def send_many_from_thread(self, calls: Iterable[Any], **options: Any) -> list[TaskHandle]:
        """As :meth:`send_many`, for a task that runs in a thread or a process.

        :raise RuntimeError: this is the reactor's own thread.
        """
        sender = current_sender()
        return sender.wait(sender.send_many(self._itself, calls, SendOptions(**options)))

    def send_from_thread(self, *args: P.args, **kwargs: P.kwargs) -> TaskHandle:
        """As :meth:`send`, for a task that runs in a thread or a process, which can't await.

        :raise RuntimeError: this is the reactor's own thread.
        """
        sender = current_sender()
        return sender.wait(sender.send(self._itself, args, kwargs))

    def s(self, *args: Any, **kwargs: Any) -> Signature:
        """A call that is not sent yet: a step of a :func:`~pipeline.tasks.chain.chain`.

        :param args: they follow the result of the step before, if there is one.
        """
        return Signature(self._itself, args, kwargs)

    def send_sync(self, *args: P.args, **kwargs: P.kwargs) -> SyncHandle:
        """As :meth:`send`, from code that has no reactor, as a view of Flask: it blocks.

        :return: a handle, to wait for the result with ``result_sync``.
        :raise RuntimeError: nothing binds tasks to a namespace here, see
            :func:`pipeline.connect_sync`.
        """
        return current_sync_sender().send(self._itself, args, kwargs)

    def send_with_options_sync(
        self, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> SyncHandle:
        """As :meth:`send_with_options`, from code that has no reactor."""
        return current_sync_sender().send(self._itself, args, kwargs or {}, SendOptions(**options))

    def send_many_sync(self, calls: Iterable[Any], **options: Any) -> list[SyncHandle]:
        """As :meth:`send_many`, from code that has no reactor."""
        return current_sync_sender().send_many(self._itself, calls, SendOptions(**options))
