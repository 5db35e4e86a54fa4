"""What a connector publishes, as those see it who publish."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector.many import Many
from pipeline.connector.pressure import WhenFull
from pipeline.connector.publishing import Edge, Publisher
from pipeline.delivery import Delivery, current

__all__ = ["Outgoing"]


class Outgoing:
    """The publishing side of a connector."""

    _publisher: Publisher

    def publish(
        self,
        kind: str,
        message: Any,
        endpoint: str | None = None,
        *,
        delivery: Delivery | None = None,
        immediately: bool = False,
        queue: str | None = None,
        delay: float = 0,
        max_depth: int = 0,
        when_full: WhenFull = "fail",
        full_timeout: float = 30,
        unique: str = "",
        window: float = 0,
    ) -> Deferred[Any]:
        """Run the publish chain and put the message on its queue.

        With a delivery in hand it is staged: published when, and only if, that is settled as done.
        Otherwise it is published at once.

        :param endpoint: set on the message; None: as it is.
        :param delivery: the delivery in hand; None: the one whose handler runs, if any.
        :param immediately: don't stage. When the handler runs again, so does this.
        :param queue: another queue than the kind's.
        :param delay: seconds before it is due.
        :param max_depth: the queue is full when it has so many messages; 0: it never is. Not for
            what is staged.
        :param when_full: ``fail`` with QueueFull; ``wait`` for room; ``shed`` the message: the
            Deferred fires with None, and the log says how many every second.
        :param full_timeout: seconds to wait for room; then it fails.
        :param unique: with ``delay`` or ``window``, what tells it from its twins; ``""``: its id.
        :param window: seconds in which a second message with the same ``unique`` is left out;
            not for what is staged.
        :return: a Deferred of the message as it was published, or of None when middleware dropped
            or answered it, or it was shed. It fires when the message is staged, or when the broker
            has stored it. Its error, if nobody looks at it, is the delivery's.
        """
        if endpoint is not None:
            message.set_routing_endpoint(endpoint)
        if delivery is None:
            delivery = current.get()
        if delivery is not None and not (immediately or queue or delay or unique or window):
            return self._publisher.stage(kind, message, delivery)
        edge = Edge(
            *(delivery, immediately, queue, delay, max_depth, unique, window),
            *(when_full, full_timeout),
        )
        return self._publisher.publish(kind, message, edge)

    async def publish_many(
        self,
        kind: str,
        messages: Iterable[Any],
        endpoint: str | None = None,
        *,
        max_depth: int = 0,
    ) -> list[Any]:
        """Publish many messages, at a fraction of what each costs alone.

        With a delivery in hand they are staged, as :meth:`publish` does. Otherwise they pass the
        publish chain in their order, and are put on their queues 500 in a step, fewer if they are
        large: those of a step are stored all or none, and the server stores one while the next
        passes the chain. After an error, of the chain or of a step, nothing more is sent; steps
        before it have been stored.

        :param endpoint: set on each; None: as they are.
        :param max_depth: the queue is full when it has so many messages; 0: it never is.
        :return: the messages as they were published, in order; None for those that middleware
            dropped or answered. It fires when they are staged, or when the broker has stored them.
        :raise QueueFull: a step had no room. Others may have been stored.
        """
        messages = list(messages)
        if endpoint is not None:
            for message in messages:
                message.set_routing_endpoint(endpoint)
        delivery = current.get()
        if delivery is None:
            published: list[Any] = []
            many = Many(self._publisher, kind, Edge(None, max_depth=max_depth))
            await many.publish(messages, published.append)
            return published
        return [await self._publisher.stage(kind, message, delivery) for message in messages]

    async def apply_publish(self, kind: str, message: Any) -> Any:
        """The message as it leaves the publish chain of its kind; nothing is published."""
        return await self._publisher.apply(kind, message)
