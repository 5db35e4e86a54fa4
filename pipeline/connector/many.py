"""Publishes many messages from the edge: they pass the publish chain, and are stored in steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector.publishing import Edge, Publisher
from pipeline.connector.steps import Steps
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
                await self._pass(messages, passed, told)
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

    async def _pass(
        self, messages: Iterable[Any], passed: Callable[[Any], None], told: dict[int, Any]
    ) -> None:
        kind, steps, name = self._kind, self._steps, self._publisher.name
        chain, is_spread = self._publisher.chain(kind), self._publisher.is_spread
        post, queue_for, queue = self._publisher.post, self._publisher.queue_for, self._edge.queue
        is_told, partition = bool(message_published.receivers), 0
        for number, message in enumerate(messages):
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
