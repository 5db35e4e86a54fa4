"""What one process publishes at the edge: a lane for each queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, gatherResults, succeed

from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.publish import Lane
from pipeline.delivery import Post
from pipeline.errors import BrokerUnavailable

__all__ = ["Producer"]

#: How many lanes are kept; past that, idle ones are given up. Every instance that is answered
#: directly has a queue of its own, so there would be ever more.
MOST_LANES = 256


class Producer:
    """Publishes, queue by queue.

    :param client: the connection for commands.
    :param clock: for the lanes.
    :param layouts: of every partition.
    :param name: the producer's incarnation.
    :param offset: tells the time offset in ms that tests set.
    """

    def __init__(
        self, client: Client, clock: Any, layouts: Sequence[Layout], name: str, offset: Any
    ) -> None:
        self._client = client
        self._clock = clock
        self._layouts = layouts
        self._name = name
        self._offset = offset
        self._lanes: dict[tuple[int, str], Lane] = {}
        self._epoch = 0
        self._stopping = False

    def publish(self, posts: Sequence[Post], partition: int, max_depth: int) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IBroker.publish`."""
        if self._stopping:
            return fail(BrokerUnavailable("the broker has stopped"))
        if not posts:
            return succeed(None)
        key = (partition, posts[0].queue)
        if len({post.queue for post in posts}) > 1:
            return fail(ValueError("posts that are published together must be for one queue"))
        lane = self._lanes.get(key) or self._new_lane(key)
        return lane.publish(posts, max_depth)

    def _new_lane(self, key: tuple[int, str]) -> Lane:
        if len(self._lanes) >= MOST_LANES:
            self._lanes = {k: lane for k, lane in self._lanes.items() if not lane.is_idle}
            # A lane made anew counts from one: the server must not know it by its old numbers.
            self._epoch += 1
        partition, queue = key
        name = f"{self._name}.{self._epoch}"
        layout = self._layouts[partition]
        lane = Lane(self._client, self._clock, layout, queue, name, self._offset)
        self._lanes[key] = lane
        return lane

    async def stop(self, seconds: float) -> None:
        """Take no more, wait a while for what is unsent, and fail the rest."""
        self._stopping = True
        idle = gatherResults([lane.idle() for lane in self._lanes.values()])
        late = self._clock.callLater(seconds, self._end)
        await idle
        if late.active():
            late.cancel()
        self._end()

    def _end(self) -> None:
        for lane in self._lanes.values():
            lane.end(BrokerUnavailable("the broker has stopped"))
