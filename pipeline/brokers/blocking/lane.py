"""The idempotent producer, one batch at a time: see :mod:`pipeline.brokers.redis.publish`."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pipeline.brokers.blocking.connection import BlockingConnection
from pipeline.brokers.redis.batch import (
    PRODUCER_TTL,
    RAISE,
    Call,
    alone,
    keys_of,
    refused,
    request,
)
from pipeline.brokers.redis.layout import Layout
from pipeline.delivery import Post
from pipeline.errors import BrokerUnavailable, ServerRefused

__all__ = ["BlockingLane"]

#: Seconds between two tries, at first and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5


class BlockingLane:
    """What one producer publishes to one queue of one partition, in order.

    For one thread at a time.

    :param connection: to the server.
    :param layout: the partition's keys.
    :param queue: the queue's name.
    :param producer: the producer's incarnation.
    :param patience: seconds to try again for, when the server is away.
    """

    def __init__(
        self,
        connection: BlockingConnection,
        layout: Layout,
        queue: str,
        producer: str,
        patience: float,
    ) -> None:
        self._connection = connection
        self._layout = layout
        self._queue = queue
        self._patience = patience
        self._producer = layout.producer(producer)
        self._keys = keys_of(layout, queue, self._producer)
        self._next = 1

    def publish(self, posts: Sequence[Post], max_depth: int) -> None:
        """Have the server store messages, together and once; wait until it has.

        :raise QueueFull: there are ``max_depth`` already.
        :raise ServerRefused: it can't be stored.
        :raise BrokerUnavailable: the server is away; what was sent last may have been stored.
        """
        first, self._next = self._next, self._next + len(posts)
        end = time.monotonic() + self._patience
        pause = FIRST_PAUSE
        while True:
            try:
                reply = self._ask(posts, first, max_depth)
                if self._is_stored(reply, first, len(posts)):
                    return
            except (BrokerUnavailable, ServerRefused) as error:
                passing = isinstance(error, BrokerUnavailable) or error.is_passing
                if not passing or time.monotonic() + pause > end:
                    raise
                time.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)

    def _ask(self, posts: Sequence[Post], first: int, max_depth: int) -> list[bytes]:
        batch = alone(Call(posts, max_depth, None))
        batch.first = first
        call = request(batch, self._layout, self._keys, self._queue)
        reply: list[bytes] = self._connection.run(*call)
        return reply

    def _is_stored(self, reply: list[bytes], first: int, count: int) -> bool:
        """Act on an answer; False when the same is to be sent again."""
        kind = reply[0]
        if kind == b"OK":
            return True
        if kind in (b"UNKNOWN", b"GAP"):
            # A hole is what was given up before, or what a fail-over has lost.
            self._raise(first - 1)
            return False
        # Numbers are never given again: a copy of what was refused may still be on its way.
        self._raise(first + count - 1)
        raise refused(self._queue, kind, reply[1])

    def _raise(self, last: int) -> None:
        self._connection.run(RAISE, [self._producer], [self._queue, last, PRODUCER_TTL])
