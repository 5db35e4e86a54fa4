"""A connector: what a worker reads and publishes, and where outcomes become true.

It takes messages from its queues as far as there is room, has each handled, and settles it together
with all that handling it has staged. Handlers decide; only this acts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    gatherResults,
    succeed,
)
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.connector.flow import Source
from pipeline.connector.handling import Inlet, opposite
from pipeline.connector.measured import parts_for
from pipeline.connector.observed import Observed
from pipeline.connector.ordered import Ordering
from pipeline.connector.outgoing import Outgoing
from pipeline.connector.publishing import queue_of
from pipeline.connector.watchable import Watchable
from pipeline.delivery import Delivery, Limit
from pipeline.eager import finished
from pipeline.errors import BrokerError, ConfigError, PipelineError, Respond

__all__ = ["Connector"]

#: Seconds in which what is cancelled at the deadline may still end by itself.
GRACE = 1.0
#: The same for who is in a hurry.
HURRIED = 0.2
#: The longest that what is postponed may take, in seconds.
POSTPONED = 600.0

_log = Logger("pipeline.connector")


class Connector(Outgoing, Observed, Watchable):
    """What a worker reads from and publishes to, under one name.

    :param name: the queues are ``<name>.<kind>``; for failures ``<name>.failures``.
    :param worker: the :class:`~pipeline.worker.Worker`: its broker, codec, clock, its
        ``decide``, ``ordering_key`` and ``on_final_failure``.
    :param stack: the :class:`~pipeline.middleware.stack.MiddlewareStack`.
    :param consumes: kinds that are read.
    :param publishes: kinds that may be published.
    :param max_in_flight: the most deliveries handled at a time; reading pauses then. Each queue
        may hold half as many more that wait to be handled. Ten times as many may wait behind
        another of their key, or once as many with ``strict``.
    :param ordering: ``process``: messages of one ``worker.ordering_key`` are handled one after
        another, the next when the previous has settled, also when that is retried; ``strict``: and
        by one process at a time; ``none``: all side by side.
    :param max_deaths: a message with which so many workers died is dead-lettered unhandled.
    """

    def __init__(
        self,
        name: str,
        worker: Any,
        stack: Any,
        *,
        consumes: Sequence[str],
        publishes: Sequence[str],
        max_in_flight: int = 100,
        ordering: Ordering = "none",
        max_deaths: int = 3,
    ) -> None:
        self.name = name
        self._worker = worker
        self._broker = worker.broker
        self._clock = worker.clock
        parts = parts_for(worker.meter, worker.name, worker.tracing)
        self._publisher = parts.publisher(name, worker, stack, publishes, self, self._answered)
        handled_by = (self, worker, stack, self._publisher, max_deaths)
        self._inlets = {kind: parts.inlet(kind, *handled_by) for kind in consumes}
        self._stack = stack
        self._instances: list[tuple[str, str]] = []
        self._further: list[tuple[str, str, list[Limit | None], int]] = []
        self._flow = parts.flow(ordering, name, self, worker.clock, max_in_flight)
        self._is_strict = ordering == "strict"
        self._grace = GRACE
        self._stopping: Deferred[None] | None = None
        self._patience: Deferred[Any] | None = None

    # Handlers ----------------------------------------------------------------------------------

    def add_handler(
        self, kind: str, handler: Callable[[Any], Any], endpoint: str = "default"
    ) -> None:
        """Have messages of a kind, for an endpoint, handled by this.

        :param handler: given the message; may return None, an outcome, a Deferred or a coroutine.
        :raise PipelineError: the connector doesn't consume this kind.
        """
        self._inlet(kind).handlers[endpoint] = handler

    def set_default_handler(self, kind: str, handler: Callable[[Any], Any]) -> None:
        """Have messages for endpoints that nobody has handled by this; else they are logged."""
        self._inlet(kind).default = handler

    def consume_instance(self, kind: str, instance: str) -> None:
        """Also read ``<name>.<kind>@<instance>``, which nobody else does; before :meth:`start`.

        :param instance: unique to this process, as ``broker.worker_id``.
        """
        self._inlet(kind)
        self._instances.append((kind, instance))

    def consume_queue(
        self, kind: str, queue: str, *, limit: Limit | None = None, weight: int = 1
    ) -> None:
        """Also read another queue, as one more of a kind; before :meth:`start`.

        :param limit: how much of it may be taken, by all processes together; it is divided among
            the partitions. What may not be taken yet stays in the queue.
        :param weight: so many of its messages begin for each of those queues with the weight 1,
            when both wait; twice ``max_in_flight`` of them are taken beside those.
        :raise ConfigError: the limit can't be divided, or kept while messages are in order.
        """
        self._inlet(kind)
        if limit is not None and self._is_strict:
            raise ConfigError(f"{queue} has a limit, so it can't be read with 'ordering: strict'")
        try:
            shares = [
                limit and limit.share(partition, self._broker.partitions)
                for partition in range(self._broker.partitions)
            ]
        except ValueError as error:
            raise ConfigError(f"{queue}: {error}", hint="raise the limit") from None
        self._further.append((kind, queue, shares, weight))

    def _inlet(self, kind: str) -> Inlet:
        if kind not in self._inlets:
            raise PipelineError(f"connector {self.name!r} does not consume {kind!r}")
        return self._inlets[kind]

    # Publishing --------------------------------------------------------------------------------

    async def _answered(self, kind: str, respond: Respond, delivery: Delivery | None) -> None:
        """Give what middleware answered to a publish to this connector's own handler."""
        kind = opposite(kind, respond.message)
        way = self._stack.back_from_publish(kind, getattr(respond, "entered", 0))
        answer = await finished(way(respond.message, self.name))
        inlet = self._inlets.get(kind)
        if inlet is None:
            _log.warn(
                "{name}: nobody here takes the answer {answer}", name=self.name, answer=answer
            )
            return
        answer._delivery = delivery
        handler = inlet.handlers.get(answer.get_routing_endpoint(), inlet.default)
        await finished(handler(answer))

    # Life --------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Make the queues ready; nothing is read before :meth:`unpause`."""
        self._stopping = None
        for kind in self._inlets:
            await self._read(kind, queue_of(self.name, kind), ordered=self._is_strict)
        for kind, queue, limits, weight in self._further:
            await self._read(kind, queue, limits, weight, ordered=self._is_strict)
        for kind, instance in self._instances:
            await self._read(kind, f"{queue_of(self.name, kind)}@{instance}", instance=True)
        self._flow.sources.sort(key=lambda source: -source.weight)  # these read first

    async def _read(
        self,
        kind: str,
        queue: str,
        limits: Sequence[Limit | None] | None = None,
        weight: int = 1,
        **options: bool,
    ) -> None:
        """Make a queue ready, in each partition."""
        for partition in range(self._broker.partitions):
            limit = limits[partition] if limits else None
            consumer = self._broker.consumer(queue, partition, limit=limit, **options)
            await consumer.open()
            source = Source(self._flow, self._inlets[kind], consumer, self._clock, weight)
            self._flow.sources.append(source)

    def unpause(self) -> Deferred[bool]:
        """Read.

        :return: a Deferred that fires with True when reading has begun: of each queue messages were
            asked for, so that what comes is ours at once, or as soon as the server is there. That
            waits for room if as many are in hand as may be. It fires with False when the connector
            isn't started, or is paused or stopped before that; it never fails.
        """
        if self._inlets and not self._flow.sources:
            return succeed(False)
        beginning = [source.reader.read() for source in self._flow.sources]
        return gatherResults(beginning).addCallback(all)

    def pause(self) -> Deferred[None]:
        """Take nothing more.

        :return: a Deferred that fires when all that was in progress is settled.
        """
        return Deferred.fromCoroutine(self._pause())

    async def stop(self, deadline: float) -> None:
        """Take nothing more, finish what is in hand, hand the rest back to other workers.

        :param deadline: seconds for what is in progress. Then it is cancelled, and has
            :data:`GRACE` seconds more to end.
        """
        if self._stopping is None:
            self._stopping = Deferred.fromCoroutine(self._stop(deadline))
        await self._stopping

    def hurry(self) -> None:
        """Let the deadline be now, and give what is cancelled :data:`HURRIED` seconds only."""
        self._grace = HURRIED
        if self._stopping is None:
            self._stopping = Deferred.fromCoroutine(self._stop(0))
            self._stopping.addErrback(self._not_stopped)
        elif self._patience is not None:
            self._patience.cancel()

    async def _stop(self, deadline: float) -> None:
        self._publisher.pressure.close()
        self._flow.wait_no_more()
        if not await self._patiently(deadline, self.pause()):
            self._flow.expire()
            if (postponed := self._worker.postponed()) is not None:
                await self._patiently(POSTPONED, postponed)
            await self._patiently(self._grace, self._flow.when_idle())
        closing = [Deferred.fromCoroutine(self._close(each)) for each in self._flow.sources]
        self._flow.sources.clear()
        for succeeded, result in await DeferredList(closing, consumeErrors=True):
            if not succeeded:
                _log.failure("{name}: a queue could not be closed", result, name=self.name)

    def _not_stopped(self, failure: Failure) -> None:
        _log.failure("{name} could not be stopped", failure, name=self.name)

    async def _pause(self) -> None:
        pausing = [source.reader.pause() for source in self._flow.sources]
        results: list[tuple[bool, Any]] = await DeferredList(pausing, consumeErrors=True)
        for _, result in results:
            if isinstance(result, Failure) and result.check(CancelledError):
                result.raiseException()  # the list itself doesn't say that it was cancelled
        await self._flow.when_idle()

    async def _close(self, source: Source) -> None:
        left = self._flow.close(source)
        await self._within(GRACE, source.reader.ended())
        if left:
            await self._within(GRACE, source.consumer.hand_back(left))
        await self._within(GRACE, source.consumer.close())

    async def _patiently(self, seconds: float, waited: Deferred[Any]) -> bool:
        """As :meth:`_within`, but :meth:`hurry` ends it."""
        self._patience = waited
        try:
            return await self._within(seconds, waited)
        except CancelledError:
            return False
        finally:
            self._patience = None

    async def _within(self, seconds: float, waited: Deferred[Any]) -> bool:
        """Whether it ended in time; it is cancelled if not."""
        try:
            await waited.addTimeout(seconds, self._clock)
        except DeferredTimeout:
            return False
        except BrokerError as error:
            _log.warn("{name}: while stopping: {error}", name=self.name, error=error)
        return True
