"""A bounded pool of threads of one's own, that never holds up the reactor or the exit."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.python import threadable

from pipeline.crew import Crew, threaded

__all__ = ["Threads", "anywhere", "awaited", "in_pool", "threaded", "wait_in_thread"]

T = TypeVar("T")


class Threads:
    """Runs functions in at most so many threads; what comes beyond waits for a free one.

    :param reactor: where the results come back; for a Clock, the reactor that is installed.
    :param size: how many may be taken at most; threads are made when first needed.
    :param name: what their names begin with.
    :param each: how many threads who has taken one may use at the same time.
    """

    def __init__(self, reactor: Any, size: int, name: str, each: int = 1) -> None:
        self.size = size
        #: How many functions run in a thread now.
        self.busy = 0
        self._crew = Crew(reactor, size * each, name)
        self._free = DeferredSemaphore(size)
        #: Those of who wait that go before the others.
        self._first: set[Deferred[DeferredSemaphore]] = set()

    def start(self) -> None:
        """Be ready to run."""
        self._crew.start()

    def stop(self) -> None:
        """Let the threads end, each after what it runs now, without waiting for that."""
        self._crew.stop()

    async def free(self) -> None:
        """Wait for a free thread and take it.

        One :meth:`run` must follow; or any number of :meth:`run_free`, and :meth:`give_back`.
        """
        await self._free.acquire()

    async def free_first(self) -> None:
        """As :meth:`free`, but before all who wait by that."""
        taking = self._free.acquire()
        waiting = self._free.waiting
        if not taking.called:
            waiting.insert(sum(each in self._first for each in waiting), waiting.pop())
            self._first.add(taking)
        try:
            await taking
        finally:
            self._first.discard(taking)

    def give_back(self) -> None:
        """Let others have the thread that :meth:`free` took."""
        self._free.release()

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Run a function in the thread that :meth:`free` took, with the context variables of here.

        The thread counts as taken until the function is done, even if nobody waits for it any more.

        :return: a Deferred of what it returns; cancelling it has no effect on the function.
        """
        return self.run_free(function, *args, **kwargs).addBoth(self._given_back)

    def run_free(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        """As :meth:`run`, but the thread stays taken until :meth:`give_back`."""
        self.busy += 1
        done: Deferred[Any] = Deferred()
        try:
            self._crew.do(done.callback, partial(function, **kwargs) if kwargs else function, *args)
        except RuntimeError:  # no thread can begin; who waits for this one's end must have it
            done.errback()
        return done.addBoth(self._ended)

    def _ended(self, result: Any) -> Any:
        self.busy -= 1
        return result

    def _given_back(self, result: Any) -> Any:
        self.give_back()
        return result


async def in_pool(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run a function in a thread of the reactor's own pool, with the context variables of here."""
    return await deferToThread(copy_context().run, function, *args, **kwargs)


def anywhere(clock: Any, coroutine: Coroutine[Any, Any, T]) -> Any:
    """Run a coroutine for who doesn't say where it is.

    :return: in the reactor's thread a Deferred; in another its result, for which this waits.
    """
    if _in_reactor():
        return Deferred.fromCoroutine(coroutine)
    return wait_in_thread(clock, coroutine)


async def awaited(awaitable: Awaitable[T]) -> T:
    """A coroutine of whatever can be awaited, as :func:`wait_in_thread` wants one."""
    return await awaitable


def _in_reactor() -> bool:
    if (
        getattr(threadable, "ioThread", None) is None
    ):  # no reactor has run yet: who would be waited for?
        return threading.current_thread() is threading.main_thread()
    return bool(threadable.isInIOThread())


def wait_in_thread(clock: Any, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the reactor, with the context variables of this thread, and wait for it.

    :raise RuntimeError: this is the reactor's own thread.
    """
    if _in_reactor():
        coroutine.close()
        raise RuntimeError("in the reactor's thread, await it instead")
    context = copy_context()

    def begin() -> Any:
        return context.run(Deferred.fromCoroutine, coroutine)

    result: T = blockingCallFromThread(threaded(clock), begin)
    return result
