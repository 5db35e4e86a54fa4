"""A bounded pool of threads of one's own, that never holds up the reactor or the exit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

__all__ = ["Threads"]


def _daemon(*args: Any, **kwargs: Any) -> threading.Thread:
    # A thread that never ends must not keep the process from ending.
    return threading.Thread(*args, daemon=True, **kwargs)


class _Pool(ThreadPool):
    threadFactory = staticmethod(_daemon)  # type: ignore[assignment]  # Twisted calls it only


class Threads:
    """Runs functions in at most so many threads; what comes beyond waits for a free one.

    :param reactor: where the results come back.
    :param size: how many threads at most; they are made when first needed.
    :param name: what their names begin with.
    """

    def __init__(self, reactor: Any, size: int, name: str) -> None:
        self.size = size
        #: How many functions run in a thread now.
        self.busy = 0
        self._reactor = reactor
        self._pool = _Pool(minthreads=0, maxthreads=size, name=name)
        self._free = DeferredSemaphore(size)

    def start(self) -> None:
        """Be ready to run."""
        self._pool.start()

    def stop(self) -> None:
        """Let the threads end, each after what it runs now, without waiting for that."""
        if self._pool.started:
            threading.Thread(target=self._pool.stop, daemon=True).start()

    async def free(self) -> None:
        """Wait for a free thread and take it; each must be followed by one :meth:`run`."""
        await self._free.acquire()

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Run a function in the thread that :meth:`free` took, with the context variables of here.

        The thread counts as taken until the function is done, even if nobody waits for it any more.

        :return: a Deferred of what it returns; cancelling it has no effect on the function.
        """
        self.busy += 1
        call = copy_context().run
        done: Deferred[Any] = deferToThreadPool(
            self._reactor, self._pool, call, function, *args, **kwargs
        )
        return done.addBoth(self._ended)

    def _ended(self, result: Any) -> Any:
        self.busy -= 1
        self._free.release()
        return result
