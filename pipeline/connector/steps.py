"""Publishes many messages step by step: the server stores one step while the next is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from pipeline.delivery import Post

__all__ = ["TOGETHER", "Steps"]

#: The most messages that are put on a queue in one step.
TOGETHER = 500


class Steps:
    """Collects what is to be published, and sends it on whenever enough is there for a queue.

    :param clock: an IReactorTime.
    :param send: puts posts, all for one queue, on it; given these and the partition.
    :ivar is_due: a step is on its way: wait for a :meth:`turn` before more is added.
    """

    def __init__(self, clock: Any, send: Callable[[Sequence[Post], int], Awaitable[None]]) -> None:
        self.is_due = False
        self._clock = clock
        self._send = send
        self._waiting: dict[tuple[int, str], list[Post]] = {}
        self._sending: list[Deferred[Any]] = []
        self._failure: Failure | None = None

    def add(self, post: Post, partition: int) -> None:
        """Let it go out with others for its queue."""
        key = (partition, post.queue)
        posts = self._waiting.get(key)
        if posts is None:
            posts = self._waiting[key] = []
        posts.append(post)
        if len(posts) == TOGETHER:
            self._begin(key)

    async def turn(self) -> None:
        """Let the reactor send what is to be sent, and do what else it has to.

        :raise Exception: a step has failed.
        """
        self.is_due = False
        await deferLater(self._clock, 0)
        self._raise()

    async def end(self) -> None:
        """Send what is left, and wait until all is stored.

        :raise Exception: the first error of a step.
        """
        for key in list(self._waiting):
            self._begin(key)
        await self.stored()
        self._raise()

    async def stored(self) -> None:
        """Wait for the steps that are on their way, whatever becomes of them."""
        await DeferredList(self._sending)

    def _begin(self, key: tuple[int, str]) -> None:
        self.is_due = True
        sending = Deferred.fromCoroutine(self._sent(self._waiting.pop(key), key[0]))
        self._sending.append(sending.addErrback(self._failed))

    async def _sent(self, posts: Sequence[Post], partition: int) -> None:
        await self._send(posts, partition)

    def _failed(self, failure: Failure) -> None:
        self._failure = self._failure or failure

    def _raise(self) -> None:
        if self._failure is not None:
            self._failure.raiseException()
