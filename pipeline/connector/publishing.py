"""Puts messages on queues: staged in the delivery in hand, or at once from the edge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextvars import copy_context
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from pipeline.connector.pressure import Pressure, WhenFull
from pipeline.delivery import Delivery, Post, current
from pipeline.eager import eager
from pipeline.errors import Drop, PipelineError, Respond
from pipeline.message import EventMessage
from pipeline.signals import message_published
from pipeline.state.partition import choose_anew, partition_for
from pipeline.store import Write

__all__ = ["Edge", "Publication", "Publisher", "queue_of"]

#: The kinds whose queue isn't called ``<connector>.<kind>``; the name is Vumi's.
_PLURAL = {"failure": "failures"}


def queue_of(name: str, kind: str) -> str:
    """The queue of a connector's kind, as ``sms.inbound`` or ``sms.failures``."""
    return f"{name}.{_PLURAL.get(kind, kind)}"


class Edge(NamedTuple):
    """How a message is published; see :meth:`pipeline.connector.Connector.publish`."""

    delivery: Delivery | None
    immediately: bool = False
    queue: str | None = None
    delay: float = 0
    max_depth: int = 0
    unique: str = ""
    window: float = 0
    when_full: WhenFull = "fail"
    full_timeout: float = 30
    #: Publishes it instead of the broker, given the post and its partition; says whether it did.
    through: Callable[[Post, int], Awaitable[bool]] | None = None
    writes: tuple[Write, ...] = ()


class Publication(Deferred[Any]):
    """Fires with the message as published, or None if middleware dropped it.

    An error belongs to who handles it here; if nobody does, it is the error of the delivery in
    hand, which therefore is not settled as done.
    """

    def __init__(self) -> None:
        super().__init__()
        self._awaited = False
        self._ended: Deferred[None] = Deferred()

    def __await__(self) -> Generator[Any, None, Any]:
        self._awaited = True
        return super().__await__()

    def follow(self, inner: Deferred[Any]) -> Publication:
        """End as this one ends."""
        inner.addBoth(self._end)
        return self

    def _end(self, result: Any) -> None:
        self.callback(result)  # a Failure makes it an errback
        self._ended.callback(None)

    async def unhandled(self) -> None:
        """Wait for the end; raise an error that nobody has handled."""
        await self._ended
        if self._awaited or not isinstance(self.result, Failure):
            return
        failure = self.result
        self.addErrback(lambda _: None)
        failure.raiseException()


class _Unhandled:
    """What a delivery waits for. Not a coroutine, since it may be forgotten unawaited."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication

    def __await__(self) -> Generator[Any, None, None]:
        return self._publication.unhandled().__await__()


class Publisher:
    """The publishing half of a connector.

    :param name: the connector's name.
    :param worker: gives broker, codec and ordering keys.
    :param stack: the :class:`~pipeline.middleware.stack.MiddlewareStack`.
    :param publishes: kinds.
    :param sender: the ``sender`` of signals.
    :param answered: called with kind, Respond and delivery when middleware answers a message that
        was to be published.
    """

    def __init__(
        self,
        name: str,
        worker: Any,
        stack: Any,
        publishes: Sequence[str],
        sender: Any,
        answered: Callable[[str, Respond, Delivery | None], Awaitable[None]],
    ) -> None:
        self.name = name
        self.worker = worker
        self.clock = worker.clock
        self.encode = worker.codec.encode
        self._tracing = getattr(worker, "tracing", None)
        self.is_spread = worker.broker.partitions > 1
        #: What holds up who publishes from the edge.
        self.pressure = Pressure(name, worker.broker, worker.clock)
        self._chains = {kind: stack.publish(kind).through for kind in publishes}
        # Also where events are not published otherwise.
        self._of_nacks = stack.publish("event").through
        #: The kinds of which nothing is done to a message but to encode it.
        self.plain = frozenset(
            kind for kind in publishes if self._tracing is None and not stack.publish(kind).steps
        )
        self._queues = {kind: queue_of(name, kind) for kind in publishes}
        self._sender = sender
        self._answered = answered

    def publish(self, kind: str, message: Any, edge: Edge) -> Deferred[Any]:
        """Run the publish chain, then put the message on its queue."""
        chain = self._chains.get(kind)
        if chain is None or self.is_spread or not _is_simple(edge):
            return self._begun(self._publish(kind, message, edge), edge.delivery)
        # What middleware sets of its context must not stay behind with who publishes.
        return copy_context().run(self._straight, chain, kind, message, edge)

    def _straight(self, chain: Any, kind: str, message: Any, edge: Edge) -> Deferred[Any]:
        """Publish a message that goes from the edge as most do.

        While nothing waits, the broker's own Deferred is all that is needed.
        """
        passed: Any
        try:
            passed = chain(message, self.name)
            if passed is message or not isinstance(passed, Deferred):
                queue = edge.queue or self.queue_for(kind, passed)
                stored = self.store([self.post(queue, passed, edge)], 0, edge.max_depth)
                return stored.addCallback(self._stored, kind, passed, queue)
        except Exception:  # noqa: BLE001  # it belongs to who gets the Deferred
            passed = fail()
        return self._begun(self._put_when(passed, kind, message, edge), None)

    def stage(self, kind: str, message: Any, delivery: Delivery) -> Deferred[Any]:
        """As :meth:`publish`, for what is staged and nothing more, as most is.

        The code that runs handles this delivery: while nothing waits no coroutine is needed.
        """
        chain = self._chains.get(kind)
        if chain is None or current.get() is not delivery:
            return self.publish(kind, message, Edge(delivery))
        passed: Any
        try:
            passed = chain(message, self.name)
            if passed is message or not isinstance(passed, Deferred):
                self._stage(kind, passed, delivery)
                return succeed(passed)
        except Exception:  # noqa: BLE001  # it belongs to who gets the Deferred
            passed = fail()
        return self._begun(self._put_when(passed, kind, message, Edge(delivery)), delivery)

    def _begun(
        self, publishing: Coroutine[Any, Any, Any], delivery: Delivery | None
    ) -> Deferred[Any]:
        """A Deferred of what a coroutine publishes; the delivery waits for it."""
        published: Any
        try:
            published = eager(publishing)
        except Exception:  # noqa: BLE001  # it belongs to who gets the Deferred
            published = fail()
        if not isinstance(published, Deferred):
            return succeed(published)
        if delivery is None:
            return published
        publication = Publication().follow(published)
        delivery.wait_for(_Unhandled(publication))
        return publication

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that it publishes."""
        return tuple(self._chains)

    async def apply(self, kind: str, message: Any) -> Any:
        """The message as it leaves the publish chain; nothing is published."""
        passed = self.chain(kind)(message, self.name)
        return await passed if isinstance(passed, Deferred) else passed

    def chain(self, kind: str) -> Any:
        """The publish chain of a kind.

        :raise PipelineError: it isn't published here.
        """
        try:
            return self._chains[kind]
        except KeyError:
            raise PipelineError(f"connector {self.name!r} does not publish {kind!r}") from None

    async def put(self, kind: str, message: Any, edge: Edge) -> bool:
        """Put a message on its queue; it has passed all middleware that it should.

        :return: False when it was shed, or ``edge.through`` has refused it.
        """
        delivery = edge.delivery
        queue = edge.queue or self.queue_for(kind, message)
        post = self.post(queue, message, edge)
        if delivery is not None and not edge.immediately:
            delivery.stage(post)
        else:
            partition = (
                partition_for(self.worker, kind, message)
                if delivery is None
                else delivery.partition
            )
            if not await self._send(post, partition, edge):
                return False
        if message_published.receivers:
            self.tell(kind, message, queue, delivery)
        return True

    def post(self, queue: str, message: Any, edge: Edge) -> Post:
        """A message as it is put on a queue."""
        post = self._plain(queue, message, edge.delivery)
        if edge.writes:
            post = post._replace(writes=edge.writes)
        if edge.delay or edge.unique or edge.window:
            post = post._replace(
                delay=round(edge.delay * 1000),
                unique=edge.unique or getattr(message, "message_id", ""),
                window=round(edge.window * 1000),
            )
        return post

    def store(self, posts: Sequence[Post], partition: int, max_depth: int) -> Deferred[Any]:
        """Have the broker store posts for one queue."""
        stored: Deferred[Any] = self.worker.broker.publish(
            posts, partition=partition, max_depth=max_depth
        )
        return stored

    def _stored(self, _: Any, kind: str, message: Any, queue: str) -> Any:
        """What a publish of one message comes to."""
        if message_published.receivers:
            self.tell(kind, message, queue, None)
        return message

    def _stage(self, kind: str, message: Any, delivery: Delivery) -> None:
        queue = self.queue_for(kind, message)
        delivery.stage(self._plain(queue, message, delivery))
        if message_published.receivers:
            self.tell(kind, message, queue, delivery)

    def _plain(self, queue: str, message: Any, delivery: Delivery | None) -> Post:
        if self._tracing is None:
            return Post(queue, self.encode(message))
        headers = self._tracing.headers(queue, message, delivery)
        return Post(queue, self.encode(message), headers)

    def tell(self, kind: str, message: Any, queue: str, delivery: Delivery | None) -> None:
        """Tell receivers of the signal that a message is published."""
        message_published.send_robust(
            self._sender, kind=kind, message=message, queue=queue, delivery=delivery
        )

    def _send(self, post: Post, partition: int, edge: Edge) -> Awaitable[bool]:
        if edge.through is not None:
            return edge.through(post, partition)
        full = (edge.max_depth, edge.when_full, edge.full_timeout)
        return self.pressure.publish(post, partition, *full)

    async def nack(self, message: Any, reason: str, edge: Edge) -> None:
        """Tell who sent an outbound message that it goes no further."""
        user_message_id = getattr(message, "message_id", None)
        if user_message_id is None:
            return
        event = EventMessage(
            event_type="nack", user_message_id=user_message_id, nack_reason=reason or "dropped"
        )
        event.routing_metadata = dict(message.routing_metadata)
        try:
            nack = self._of_nacks(event, self.name)
            passed = await nack if isinstance(nack, Deferred) else nack
        except Drop:
            return  # middleware doesn't want it told
        await self.put("event", passed, edge)

    async def _publish(self, kind: str, message: Any, edge: Edge) -> Any:
        chain = self.chain(kind)
        if edge.delivery is not None:
            # In a callback or a thread the context knows of none; this coroutine has its own.
            current.set(edge.delivery)
        elif self.is_spread:
            choose_anew()
        try:
            passed = chain(message, self.name)
        except Exception:  # noqa: BLE001  # it is looked at where a promised one is
            passed = fail()
        return await self._put_when(passed, kind, message, edge)

    async def _put_when(self, passed: Any, kind: str, message: Any, edge: Edge) -> Any:
        """Put a message on its queue when it has left the publish chain."""
        try:
            if isinstance(passed, Deferred):
                passed = await passed
        except (Drop, Respond) as error:
            await self.held_up(error, kind, message, edge)
            return None
        return passed if await self.put(kind, passed, edge) else None

    async def held_up(self, error: Drop | Respond, kind: str, message: Any, edge: Edge) -> None:
        """Middleware has dropped a message that was to go out, or answered it."""
        if isinstance(error, Respond):
            await self._answered(kind, error, edge.delivery)
        elif kind == "outbound":
            await self.nack(message, error.reason, Edge(edge.delivery, edge.immediately))

    def queue_for(self, kind: str, message: Any) -> str:
        """The queue that a message is put on if nothing else is said."""
        queue = self._queues.get(kind) or queue_of(self.name, kind)
        if kind != "outbound":
            return queue
        metadata = message.transport_metadata
        instance = metadata.get("reply_instance")
        # Behind a dispatcher it isn't this connector's process that waits; one that renames the
        # transport says whose it is.
        if instance and metadata.get("reply_connector", message.transport_name) == self.name:
            return f"{queue}@{instance}"
        return queue


def _is_simple(edge: Edge) -> bool:
    """It goes to the broker at once, and an error of that is what comes of it."""
    return edge.delivery is None and edge.through is None and edge.when_full == "fail"
