"""What a connector is made of when its messages are counted and timed.

It is chosen when a connector is made; without a meter the plain parts are taken, and nothing of
this runs. Counting goes by batches as far as it can.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from pipeline.connector.flow import Flow, Source
from pipeline.connector.handling import Inlet
from pipeline.connector.ordered import OrderedFlow, Ordering, flow_for
from pipeline.connector.publishing import Edge, Publisher, queue_of
from pipeline.connector.traced import TracedInlet
from pipeline.delivery import Delivery, Post, Settled
from pipeline.eager import finished
from pipeline.observe.meter import MOST, OTHER, Count, Meter
from pipeline.outcome import DONE, DeadLetter, Done, Dropped, Retry

__all__ = ["Parts", "parts_for", "plain_queue"]

#: Looked up once.
_WON = Settled.WON

#: The outcomes in words, by their type.
_OUTCOMES: dict[type, str] = {
    Done: "done",
    Retry: "retried",
    Dropped: "dropped",
    DeadLetter: "dead",
}

#: The most reasons of dead letters that are told apart, for each queue: a handler may make some up.
REASONS = 30
#: Those that are told before there is a letter.
USUAL = ("exhausted", "permanent", "undecodable")


class Parts(NamedTuple):
    """What makes the parts of a connector."""

    publisher: Callable[..., Publisher]
    inlet: Callable[..., Inlet]
    flow: Callable[..., Flow]


def parts_for(meter: Meter | None, worker: str, tracing: Any = None) -> Parts:
    """What makes the parts of a worker's connectors.

    :param meter: what counts; None: nothing does.
    :param worker: the worker's name.
    :param tracing: what traces; None: nothing does.
    """
    if meter is None:
        return Parts(Publisher, Inlet if tracing is None else TracedInlet, flow_for)
    inlet = MeasuredInlet if tracing is None else MeasuredTracedInlet
    return Parts(
        partial(MeasuredPublisher, meter, worker),
        partial(inlet, meter, worker),
        partial(_measured_flow_for, meter, worker),
    )


def plain_queue(queue: str) -> str:
    """A queue as a label: an instance's is its connector's, since those are without number."""
    return queue.partition("@")[0]


class MeasuredPublisher(Publisher):
    """Counts what it publishes at once; what is staged is counted when it is settled."""

    def __init__(self, meter: Meter, worker: str, *parts: Any) -> None:
        super().__init__(*parts)
        self._published = _Published(meter, worker)
        for queue in self._queues.values():
            self._published.to(queue)

    def _send(self, post: Post, partition: int, edge: Edge) -> Awaitable[bool]:
        return self._counted(super()._send(post, partition, edge), post.queue)

    def store(self, posts: Sequence[Post], partition: int, max_depth: int) -> Deferred[Any]:
        stored = super().store(posts, partition, max_depth)
        return stored.addCallback(self._count, posts[0].queue, len(posts))

    def _count(self, _: Any, queue: str, count: int) -> None:
        self._published.to(queue).value += count

    async def _counted(self, sending: Awaitable[bool], queue: str) -> bool:
        is_sent = await sending
        if is_sent:
            self._published.to(queue).value += 1
        return is_sent


class MeasuredInlet(Inlet):
    """Times one delivery of so many."""

    def __init__(self, meter: Meter, worker: str, kind: str, connector: Any, *parts: Any) -> None:
        super().__init__(kind, connector, *parts)
        self._times = meter.histogram("pipeline_handling_seconds", worker, connector.name, kind)
        self._every = meter.sample
        self._left = 1
        # Its figures are there before its first message.
        _Tally(meter, worker, queue_of(connector.name, kind), kind)

    def process(self, delivery: Delivery) -> Any:
        self._left -= 1
        if self._left:
            return super().process(delivery)
        self._left = self._every
        return self._timed(delivery)

    async def _timed(self, delivery: Delivery) -> Any:
        began = time.perf_counter()
        try:
            return await finished(super().process(delivery))
        finally:
            self._times.observe(time.perf_counter() - began)


class MeasuredTracedInlet(MeasuredInlet, TracedInlet):
    """Does both; the span is a part of the time."""


class Measured(Flow):
    """A flow that counts what is taken and what is settled, a batch at a time."""

    _meter: Meter
    _worker: str
    _tallies: dict[Source, _Tally]

    def count_with(self, meter: Meter, worker: str) -> None:
        """Count with this; before anything is handled."""
        self._meter, self._worker, self._tallies = meter, worker, {}

    def handle(self, source: Source, batch: list[Delivery]) -> None:
        self._tally(source).taken(batch)
        super().handle(source, batch)

    def settled(self, source: Source, batch: list[Delivery], results: list[Settled]) -> None:
        self._tally(source).settled(batch, results, self._outcomes)
        super().settled(source, batch, results)

    def _tally(self, source: Source) -> _Tally:
        tally = self._tallies.get(source)
        if tally is None:
            queue = plain_queue(source.consumer.queue)
            tally = _Tally(self._meter, self._worker, queue, source.inlet.kind)
            self._tallies[source] = tally
        return tally


class MeasuredOrdered(Measured, OrderedFlow):
    """The same for messages in order, which keep in hand what is to be tried again."""

    def _noted(self, result: Settled, source: Source, delivery: Delivery, outcome: Retry) -> None:
        if result is Settled.WON and delivery in source.reader.held:
            self._tally(source).outcome("retried").value += 1
        super()._noted(result, source, delivery, outcome)


def _measured_flow_for(
    meter: Meter, worker: str, ordering: Ordering, name: str, sender: Any, clock: Any, limit: int
) -> Flow:
    flow: Measured
    if ordering == "none":
        flow = Measured(name, sender, clock, limit)
    else:
        flow = MeasuredOrdered(name, sender, clock, limit, ordering == "strict")
    flow.count_with(meter, worker)
    return flow


class _Published:
    """Counts messages by the queue they are put on."""

    def __init__(self, meter: Meter, worker: str) -> None:
        self._meter = meter
        self._worker = worker
        self._known: dict[str, Count] = {}

    def to(self, queue: str) -> Count:
        """The count of a queue."""
        count = self._known.get(queue)
        if count is None:
            place = self._worker, plain_queue(queue)
            count = self._meter.counter("pipeline_messages_published", *place)
            if len(self._known) < MOST:  # queues of instances come and go
                self._known[queue] = count
        return count


def _is_new(post: Post) -> bool:
    """Whether it is put on a queue for the first time, in a trace or not."""
    return not post.headers or post.headers[0] == b"c"


class _Tally:
    """Counts and times what is taken from one queue."""

    def __init__(self, meter: Meter, worker: str, queue: str, kind: str) -> None:
        place = self._place = (worker, queue, kind)
        self._meter = meter
        self._now = meter.now
        self._waits = meter.histogram("pipeline_wait_seconds", *place)
        self._latencies = meter.histogram("pipeline_latency_seconds", *place)
        self._done = self.outcome("done")
        # Prometheus sees no increase in what begins with 1: all begin with 0.
        for name in _OUTCOMES.values():
            self.outcome(name)
        for reason in USUAL:
            meter.counter("pipeline_dead_letters", *place, reason)
        self._published = _Published(meter, worker)
        self._reasons: set[str] = set()

    def outcome(self, name: str) -> Count:
        """The count of an outcome."""
        return self._meter.counter("pipeline_messages_settled", *self._place, name)

    def taken(self, batch: Sequence[Delivery]) -> None:
        """A batch was taken."""
        now = self._now()
        self._waits.observe_all(
            [now - delivery.enqueued_at * 0.001 for delivery in batch if delivery.attempt == 1]
        )

    def settled(
        self, batch: Sequence[Delivery], results: Sequence[Settled], outcomes: dict[Delivery, Any]
    ) -> None:
        """A batch was settled, or some of it."""
        won = [delivery for delivery, result in zip(batch, results, strict=True) if result is _WON]
        if len(won) < len(batch):
            self._not_won(results)
        if outcomes:
            ended = self._ended(won, outcomes)
        else:
            ended = won
            self._done.value += len(won)
        now = self._now()
        self._latencies.observe_all([now - delivery.enqueued_at * 0.001 for delivery in ended])
        for delivery in won:
            for post in delivery.posts:
                if _is_new(post):
                    self._published.to(post.queue).value += 1

    def _not_won(self, results: Sequence[Settled]) -> None:
        for result in results:
            if result is not _WON:
                self.outcome(result.value).value += 1

    def _ended(self, won: Sequence[Delivery], outcomes: dict[Delivery, Any]) -> list[Delivery]:
        """Count each outcome; those that are over with it."""
        ended = []
        for delivery in won:
            outcome = outcomes.get(delivery, DONE)
            self._count(outcome)
            if type(outcome) is not Retry:
                ended.append(delivery)
        return ended

    def _count(self, outcome: Any) -> None:
        self.outcome(_OUTCOMES.get(type(outcome), OTHER)).value += 1
        if type(outcome) is DeadLetter:
            self._reasons.update([outcome.reason] if len(self._reasons) < REASONS else [])
            reason = outcome.reason if outcome.reason in self._reasons else OTHER
            self._meter.counter("pipeline_dead_letters", *self._place, reason).value += 1
