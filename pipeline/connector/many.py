"""Publishes many messages from the edge: they pass the publish chain, and are stored in steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector.publishing import Edge, Publisher
from pipeline.connector.steps import TOGETHER, Steps
from pipeline.delivery import Post
from pipeline.errors import Drop, Respond
from pipeline.signals import message_published
from pipeline.state.partition import choose_anew, partition_for
from pipeline.store import Write

__all__ = ["Many"]


class Many:
    """Messages of one kind that are published together.

    :param publisher: of the connector.
    :param kind: of the messages.
    :param edge: how each is published; without a delivery.
    :param writes: given a message, what is written with it; None: nothing.
    """

    def __init__(
        self,
        publisher: Publisher,
        kind: str,
        edge: Edge,
        writes: Callable[[Any], tuple[Write, ...]] | None = None,
    ) -> None:
        self._publisher = publisher
        self._kind = kind
        self._edge = edge
        self._writes = writes
        self._steps = Steps(publisher.clock, self._store)
        #: Which one is in the publish chain now; after an error, the one that it was about.
        self.passing: int | None = None

    @property
    def stored(self) -> list[int]:
        """Which messages are stored, by their place in what was given; in any order."""
        return self._steps.stored

    async def publish(self, messages: Iterable[Any], passed: Callable[[Any], None]) -> None:
        """Publish them in order; wait until all are stored, or after an error those begun.

        :param passed: called with each in order as it leaves the chain; with None when middleware
            dropped or answered it.
        :raise Exception: the first error, of the chain or of a step; nothing is begun after it.
        """
        told: dict[int, Any] = {}
        try:
            try:
                if self._is_plain:
                    await self._pass_plainly(iter(messages), passed)
                else:
                    await self._pass(enumerate(messages), passed, told)
            except BaseException:
                await self._steps.settled()
                raise
            await self._steps.end()
        finally:
            self._tell(told)

    def _tell(self, told: dict[int, Any]) -> None:
        """Tell receivers of what is stored."""
        stored = set(self.stored) if told else ()
        for number, message in told.items():
            if number in stored:
                queue = self._edge.queue or self._publisher.queue_for(self._kind, message)
                self._publisher.tell(self._kind, message, queue, None)

    @property
    def _is_plain(self) -> bool:
        """Nothing is to be done for a single message but to encode it."""
        publisher, edge = self._publisher, self._edge
        if self._kind == "outbound" or publisher.is_spread or message_published.receivers:
            return False
        if edge.delay or edge.unique or edge.window or self._writes is not None:
            return False
        return self._kind in publisher.plain

    async def _pass_plainly(self, messages: Iterator[Any], passed: Callable[[Any], None]) -> None:
        """As :meth:`_pass`, in half of the time."""
        encode, steps, first = self._publisher.encode, self._steps, 0
        queue = self._edge.queue or self._publisher.queue_for(self._kind, None)
        while some := list(islice(messages, TOGETHER)):
            if steps.is_due:
                await steps.turn()
            try:
                posts = [Post(queue, encode(message)) for message in some]
            except Exception:  # it is raised again where it is known of which message
                await self._pass(enumerate(some, first), passed, {})
                raise
            steps.add_all(posts, 0, first)
            for message in some:
                passed(message)
            first += len(some)

    async def _pass(
        self,
        messages: Iterable[tuple[int, Any]],
        passed: Callable[[Any], None],
        told: dict[int, Any],
    ) -> None:
        kind, steps, name = self._kind, self._steps, self._publisher.name
        chain, is_spread = self._publisher.chain(kind), self._publisher.is_spread
        post, queue_for, queue = self._publisher.post, self._publisher.queue_for, self._edge.queue
        is_told, partition = bool(message_published.receivers), 0
        for number, message in messages:
            if steps.is_due:
                self.passing = None
                await steps.turn()
            self.passing = number
            if is_spread:
                choose_anew()
            writes = None if self._writes is None else self._writes(message)
            try:
                left = chain(message, name)
                if left is not message and isinstance(left, Deferred):
                    left = await left
            except (Drop, Respond) as error:
                await self._publisher.held_up(error, kind, message, Edge(None))
                passed(None)
                continue
            if is_spread:
                partition = partition_for(self._publisher.worker, kind, left)
            made = post(queue or queue_for(kind, left), left, self._edge)
            steps.add(made._replace(writes=writes) if writes else made, partition, number)
            passed(left)
            if is_told:
                told[number] = left
        self.passing = None

    async def _store(self, posts: Sequence[Post], partition: int) -> None:
        await self._publisher.store(posts, partition, self._edge.max_depth)
