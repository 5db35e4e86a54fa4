"""The broker of a program without a reactor."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from pipeline.brokers.blocking.clock import BlockingClock
from pipeline.brokers.blocking.connection import BlockingConnection
from pipeline.brokers.blocking.inbox import BlockingInbox
from pipeline.brokers.blocking.lane import BlockingLane
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.beats import BEAT, Heart
from pipeline.brokers.redis.layout import GROUP, Layout
from pipeline.brokers.redis.reads import COMMIT, command_of, is_committed, value_in
from pipeline.brokers.redis.units import Units
from pipeline.delivery import Post
from pipeline.errors import BrokerUnavailable, PipelineError, ServerRefused
from pipeline.interfaces import IReader
from pipeline.store import Check, Write

__all__ = ["BlockingBroker"]

P = ParamSpec("P")
R = TypeVar("R")

#: How many messages are read at a time.
AT_ONCE = 100
#: Seconds between beats.
BEAT_EVERY = 1.0
#: Seconds that a reply may be late, beyond what it was to wait.
GRACE = 5.0


def _fired(method: Callable[P, R]) -> Callable[P, Deferred[R]]:
    """Have a method that blocks answer with a Deferred that has fired."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Deferred[R]:
        try:
            return succeed(method(*args, **kwargs))
        except (PipelineError, ValueError):
            return fail()

    return call


@implementer(IReader)
class BlockingReader:
    """Reads one partition's store.

    :param connection: to the server.
    :param layout: the partition's keys.
    """

    def __init__(self, connection: BlockingConnection, layout: Layout) -> None:
        self._connection = connection
        self._layout = layout

    @_fired
    def read(self, op: str, key: str, *args: Any) -> Any:
        """See :meth:`pipeline.interfaces.IReader.read`."""
        return value_in(op, self._connection.call(*command_of(self._layout, op, key, args)))

    @_fired
    def commit(self, checks: list[Check], writes: list[Write], posts: Sequence[Post] = ()) -> bool:
        """See :meth:`pipeline.interfaces.IReader.commit`."""
        units = Units(self._layout, ())
        units.add(checks, writes, posts)
        return is_committed(self._connection.run(COMMIT, units.keys, [0, *units.args]))


class BlockingBroker:
    """Publishes, keeps the store, and reads this process's own queues. For one thread at a time,
    but for :meth:`read`, which may block while others work.

    :param address: where the server is.
    :param namespace: what separates this system from others on the same server.
    :param partitions: how many partitions there are.
    :param timeout: seconds that a call may take, and that publishing is tried again for.
    :ivar inboxes: the queues that are read, by their keys.
    """

    available = True
    problem = None

    def __init__(
        self, address: Address, *, namespace: str, partitions: int = 1, timeout: float = 5.0
    ) -> None:
        self.namespace = namespace
        self.partitions = partitions
        self.worker_id = uuid.uuid4().hex
        self.clock = BlockingClock()
        self.layouts = [Layout(namespace, number) for number in range(partitions)]
        self.connection = BlockingConnection(address, timeout)
        self.inboxes: dict[bytes, BlockingInbox] = {}
        self._address = address
        self._timeout = timeout
        self._waiting: BlockingConnection | None = None
        self._readers = [BlockingReader(self.connection, layout) for layout in self.layouts]
        self._lanes: dict[tuple[int, str], BlockingLane] = {}
        self._heart: Heart | None = None
        self._is_doubtful = False

    @_fired
    def publish(self, posts: Sequence[Post], partition: int = 0, max_depth: int = 0) -> None:
        """See :meth:`pipeline.interfaces.IBroker.publish`."""
        if not posts:
            return
        if len({post.queue for post in posts}) > 1:
            raise ValueError("posts that are published together must be for one queue")
        self._lane(partition, posts[0].queue).publish(posts, max_depth)

    def reader(self, partition: int = 0) -> BlockingReader:
        """See :meth:`pipeline.interfaces.IBroker.reader`."""
        return self._readers[partition]

    @_fired
    def now(self) -> int:
        """See :meth:`pipeline.interfaces.IBroker.now`."""
        seconds, micros = self.connection.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def consumer(
        self, queue: str, partition: int = 0, instance: bool = False, ordered: bool = False
    ) -> BlockingInbox:
        """A queue of this process.

        :raise ValueError: it is everybody's.
        """
        if not instance:
            raise ValueError(f"{queue} belongs to workers: only a process's own queue is read here")
        return BlockingInbox(self, queue, partition)

    def beat(self) -> None:
        """Be alive from now on, in a thread."""
        if self._heart is not None:
            return
        heart = Heart(self._address, self.worker_id, self.layouts, BEAT_EVERY)
        for keys, args in heart.beats:
            self.connection.run(BEAT, keys, args)
        self._heart = heart
        self._heart.start()

    def read(self, seconds: float) -> list[tuple[bytes, list[Any]]]:
        """Wait for messages of this process's queues; they are given out by :meth:`give_out`.

        :param seconds: how long; 0 is not at all.
        :raise BrokerUnavailable: the server is away.
        """
        streams = list(self.inboxes)
        if not streams:
            return []
        if self._waiting is None:
            self._waiting = BlockingConnection(self._address, self._timeout + GRACE, most=1)
        # A reply that was lost has left its messages pending.
        since, block = (
            ("0", ()) if self._is_doubtful else (">", ("BLOCK", _ms(min(seconds, self._timeout))))
        )
        command = ("XREADGROUP", "GROUP", GROUP, self.worker_id, "COUNT", AT_ONCE, *block)
        try:
            reply = self._waiting.call(*command, "STREAMS", *streams, *[since] * len(streams))
        except BrokerUnavailable:
            self._is_doubtful = True
            raise
        except ServerRefused as error:
            if error.code != "NOGROUP":
                raise
            for inbox in self.inboxes.values():
                inbox.join()
            return []
        found = [(stream, entries) for stream, entries in reply or () if entries]
        if since == "0" and not found:
            self._is_doubtful = False
        return found

    def give_out(self, found: list[tuple[bytes, list[Any]]]) -> None:
        """Give messages that were read to those who wait for them."""
        for stream, entries in found:
            if stream in self.inboxes:
                self.inboxes[stream].came(entries)

    def close(self) -> None:
        """Let go of everything."""
        if self._heart is not None:
            self._heart.stop()
            for layout in self.layouts:
                self.connection.call("ZREM", layout.beats, self.worker_id)
                self.connection.call("HDEL", layout.cards, self.worker_id)
        self.connection.close()
        if self._waiting is not None:
            self._waiting.close()

    def _lane(self, partition: int, queue: str) -> BlockingLane:
        key = (partition, queue)
        if key not in self._lanes:
            about = (self.connection, self.layouts[partition], queue)
            self._lanes[key] = BlockingLane(*about, self.worker_id, self._timeout)
        return self._lanes[key]


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
