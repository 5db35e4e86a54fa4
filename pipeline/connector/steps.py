"""Publishes many messages step by step: the server stores one step while the next is made."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from pipeline.delivery import Post

__all__ = ["AHEAD", "LARGE", "TOGETHER", "Steps"]

#: The most messages that are put on a queue in one step, and the bytes after which no more are.
TOGETHER, LARGE = 500, 1_000_000
#: So many steps may be on their way when more is added.
AHEAD = 8


class _Step:
    """Posts for one queue, and their numbers among all."""

    __slots__ = ("numbers", "posts", "size")

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.numbers: list[int] = []
        self.size = 0


class Steps:
    """Collects what is to be published, and sends it on whenever enough is there for a queue.

    :param clock: an IReactorTime.
    :param send: puts posts, all for one queue, on it; given these and the partition.
    :ivar is_due: a step is on its way: wait for a :meth:`turn` before more is added.
    :ivar stored: the numbers of what is stored.
    """

    def __init__(self, clock: Any, send: Callable[[Sequence[Post], int], Awaitable[None]]) -> None:
        self.is_due = False
        self.stored: list[int] = []
        self._clock = clock
        self._send = send
        self._waiting: dict[tuple[int, str], _Step] = {}
        self._sending: deque[Deferred[Any]] = deque()
        self._failure: Failure | None = None

    def add(self, post: Post, partition: int, number: int = 0) -> None:
        """Let it go out with others for its queue.

        :param number: tells it from the others.
        """
        key = (partition, post.queue)
        step = self._waiting.get(key)
        if step is None:
            step = self._waiting[key] = _Step()
        step.posts.append(post)
        step.numbers.append(number)
        step.size += len(post.payload)
        if len(step.posts) == TOGETHER or step.size >= LARGE:
            self._begin(key)

    def add_all(self, posts: list[Post], partition: int, first: int) -> None:
        """As :meth:`add`, for posts that are for one queue and no more than a step.

        :param first: the number of the first.
        """
        key = (partition, posts[0].queue)
        size = sum([len(post.payload) for post in posts])
        if key in self._waiting or size >= LARGE:
            for number, post in enumerate(posts, first):
                self.add(post, partition, number)
            return
        step = self._waiting[key] = _Step()
        step.posts, step.size = posts, size
        step.numbers = list(range(first, first + len(posts)))
        if len(posts) == TOGETHER:
            self._begin(key)

    async def turn(self) -> None:
        """Let the reactor send what is to be sent, and do what else it has to.

        Waits for the oldest steps if too many are on their way.

        :raise Exception: a step has failed.
        """
        self.is_due = False
        await deferLater(self._clock, 0)
        while len(self._sending) > AHEAD:
            await self._sending.popleft()
        self._raise()

    async def end(self) -> None:
        """Send what is left, and wait until all is stored.

        :raise Exception: the first error of a step.
        """
        for key in list(self._waiting):
            self._begin(key)
        await self.settled()
        self._raise()

    async def settled(self) -> None:
        """Wait for the steps that are on their way, whatever becomes of them."""
        await DeferredList(self._sending)

    def _begin(self, key: tuple[int, str]) -> None:
        self.is_due = True
        sending = Deferred.fromCoroutine(self._sent(self._waiting.pop(key), key[0]))
        self._sending.append(sending.addErrback(self._failed))

    async def _sent(self, step: _Step, partition: int) -> None:
        await self._send(step.posts, partition)
        self.stored += step.numbers

    def _failed(self, failure: Failure) -> None:
        self._failure = self._failure or failure

    def _raise(self) -> None:
        if self._failure is not None:
            self._failure.raiseException()
