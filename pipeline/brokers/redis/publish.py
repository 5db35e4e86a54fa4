"""The idempotent producer: what is published at the edge is stored once, in order.

The rule is Kafka's: every message of a producer has a number in its queue, a batch carries its
first, and the server stores no batch that leaves a hole and none twice. So an answer that is lost
is asked for again by sending the batch again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.brokers.redis.batch import (
    PRODUCER_TTL,
    RAISE,
    Batch,
    Call,
    alone,
    keys_of,
    refused,
    request,
)
from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.layout import Layout
from pipeline.delivery import Post
from pipeline.errors import BrokerUnavailable, QueueFull, ServerRefused

__all__ = ["Lane"]

#: How many batches may be on their way.
WINDOW = 4
#: Seconds that stored batches are kept: a fail-over may forget the last ones.
KEPT = 5.0
#: What all kept batches may take together.
KEPT_BYTES = 8_000_000
#: A batch with more bytes is sent at once, though others are on their way.
LARGE = 16_000
#: How much may wait to be sent before publishers are refused.
MOST_WAITING, MOST_WAITING_BYTES = 20_000, 64_000_000


class Lane:
    """What one producer publishes to one queue of one partition, in order.

    :param client: the connection for commands.
    :param clock: for pauses, and the age of what is kept.
    :param layout: the partition's keys.
    :param queue: the queue's name.
    :param producer: the producer's incarnation.
    :param offset: tells the time offset in ms that tests set.
    """

    _log = Logger()

    def __init__(
        self, client: Client, clock: Any, layout: Layout, queue: str, producer: str, offset: Any
    ) -> None:
        self._client = client
        self._clock = clock
        self._layout = layout
        self._queue = queue
        self._offset = offset
        self._producer = layout.producer(producer)
        self._keys = keys_of(layout, queue, self._producer)
        self._next = 1
        self._waiting: deque[Call] = deque()
        self._waiting_size = 0
        self._sent: deque[Batch] = deque()
        self._kept: deque[Batch] = deque()
        self._kept_size = 0
        self._out = 0
        self._trouble = False
        self._resting: Deferred[None] | None = None
        self._ended: Exception | None = None
        self._idle: list[Deferred[None]] = []

    def publish(self, posts: Sequence[Post], max_depth: int) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IBroker.publish`. Cancelling takes back what is unsent."""
        if self._ended is not None:
            return fail(self._ended)
        if not posts:
            return succeed(None)
        if len(self._waiting) >= MOST_WAITING or self._waiting_size >= MOST_WAITING_BYTES:
            return fail(QueueFull(f"too much waits to be sent to {self._queue} already"))
        call = Call(posts, max_depth, self._withdraw)
        self._waiting.append(call)
        self._waiting_size += call.size
        self._pump()
        return call.deferred

    @property
    def is_idle(self) -> bool:
        """Nothing waits to be sent, or for an answer."""
        return not self._sent and not self._waiting and not self._out

    def idle(self) -> Deferred[None]:
        """Fires when nothing waits for an answer."""
        done: Deferred[None] = Deferred()
        self._idle.append(done)
        self._tell_idle()
        return done

    def end(self, error: Exception) -> None:
        """Fail all that waits, and all that comes."""
        self._ended = error
        calls = [call for batch in self._sent for call in batch.calls] + [*self._waiting]
        self._sent.clear()
        self._waiting.clear()
        self._fail(calls, error)
        if self._resting is not None:
            self._resting.cancel()
        self._tell_idle()

    # Sending -------------------------------------------------------------------------------------

    def _withdraw(self, call: Call) -> None:
        if call in self._waiting:
            self._waiting.remove(call)
            self._waiting_size -= call.size

    def _pump(self) -> None:
        while self._waiting and len(self._sent) < WINDOW and not self._trouble:
            batch = self._fill()
            batch.first = self._next
            self._next += batch.count
            self._sent.append(batch)
            self._out += 1
            answered = ensureDeferred(self._ask(batch)).addCallback(self._answered, batch)
            answered.addErrback(self._broken)
            if batch.size > LARGE:
                self._client.flush()  # the server needn't wait until this turn is over

    def _fill(self) -> Batch:
        batch = Batch(self._waiting[0].max_depth)
        while self._waiting and batch.has_room_for(self._waiting[0]):
            call = self._waiting.popleft()
            self._waiting_size -= call.size
            batch.add(call)
        return batch

    def _ask(self, batch: Batch) -> Deferred[Any]:
        """Send a batch; UNSURE where its fate is unknown, WAIT where it can be sent later."""
        try:
            call = request(batch, self._layout, self._keys, self._queue, self._offset())
        except (TypeError, ValueError) as error:
            return succeed([b"REFUSED", error])
        return self._client.run(*call).addErrback(_unanswered)

    def _answered(self, reply: list[Any], batch: Batch) -> None:
        self._out -= 1
        if reply[0] == b"OK" and self._sent and self._sent[0] is batch and not self._trouble:
            self._stored(self._sent.popleft())
        elif reply[0] != b"OK" or batch in self._sent:
            self._trouble = True
        if self._trouble and not self._out:
            Deferred.fromCoroutine(self._mend_all()).addErrback(self._broken)
        self._pump()
        self._tell_idle()

    def _broken(self, failure: Failure) -> None:
        self._log.failure("publishing broke", failure)

    # Mending -------------------------------------------------------------------------------------

    async def _mend_all(self) -> None:
        await self._mend()
        self._pump()
        self._tell_idle()

    async def _mend(self) -> None:
        """Send what has no answer again, in order, one batch at a time, until all is stored."""
        pause = 0.05
        while self._sent and self._ended is None:
            batch = self._sent[0]
            reply = await self._ask(batch)
            if not self._sent or self._sent[0] is not batch:
                break
            if await self._mended(batch, reply):
                pause = 0.05
                continue
            if self._client.connected:
                await self._rest(pause)
                pause = min(2.0, pause * 2)
            elif not await self._back():
                return
        self._trouble = False

    async def _rest(self, pause: float) -> None:
        self._resting = deferLater(self._clock, pause)
        try:
            await self._resting
        except CancelledError:
            return  # This is the end: nothing is left to be sent.
        finally:
            self._resting = None

    async def _back(self) -> bool:
        """Wait for the server; False when nobody will try to reach it any more."""
        try:
            await self._client.when_up()
        except BrokerUnavailable:
            return False
        return True

    async def _mended(self, batch: Batch, reply: list[Any]) -> bool:
        """Act on an answer; False when the same must be asked again later."""
        kind = reply[0]
        if kind == b"OK":
            self._stored(self._sent.popleft())
        elif kind == b"GAP":
            await self._refill(batch, int(reply[1]))
        elif kind == b"UNKNOWN":
            return await self._raise(batch.first - 1)
        elif kind in (b"FULL", b"WRONGTYPE", b"UNWRITABLE", b"REFUSED"):
            return await self._refuse(batch, refused(self._queue, kind, reply[1]))
        else:
            return False
        return True

    async def _raise(self, last: int) -> bool:
        """Let the server know the producer, and take all up to this number for stored.

        :return: False when the server can't be asked now.
        """
        try:
            await self._client.run(RAISE, [self._producer], [self._queue, last, PRODUCER_TTL])
        except BrokerUnavailable:
            return False
        except ServerRefused as error:
            return not error.is_passing
        return True

    async def _refill(self, batch: Batch, last: int) -> None:
        """The server has lost batches that it had acknowledged: send them again."""
        missing = [kept for kept in self._kept if kept.first > last]
        if not missing or missing[0].first != last + 1:
            self._log.error(
                "{queue}: the server has lost messages {a} to {b}, which are not kept any more",
                queue=self._queue,
                a=last + 1,
                b=(missing[0] if missing else batch).first - 1,
            )
            await self._raise((missing[0] if missing else batch).first - 1)
        for kept in missing:
            self._kept.remove(kept)
            self._kept_size -= kept.size
            kept.max_depth = 0  # it was let in before
        self._sent.extendleft(reversed(missing))

    async def _refuse(self, batch: Batch, error: Exception) -> bool:
        """Fail a call that was refused; of several together, find out which it was.

        Numbers are never given again: a copy of the refused batch may still be on its way.

        :return: False when the server can't be asked now.
        """
        if len(batch.calls or batch.posts) > 1:
            self._sent.popleft()
            self._sent.extendleft(reversed(_apart(batch)))
            return True
        if not await self._raise(batch.first + batch.count - 1):
            return False
        if self._sent and self._sent[0] is batch:
            self._sent.popleft()
            self._fail(batch.calls, error)
            if not batch.calls:
                self._log.error(
                    "{queue}: {count} messages that the server has lost are refused now: {why}",
                    queue=self._queue,
                    count=batch.count,
                    why=error,
                )
        return True

    # Ends ----------------------------------------------------------------------------------------

    def _stored(self, batch: Batch) -> None:
        now = self._clock.seconds()
        batch.stored_at = now
        self._kept.append(batch)
        self._kept_size += batch.size
        while self._kept and (now - self._kept[0].stored_at > KEPT or self._kept_size > KEPT_BYTES):
            self._kept_size -= self._kept.popleft().size
        calls, batch.calls = batch.calls, []  # what is kept is to be sent again, not told of
        for call in calls:
            if not call.deferred.called:
                call.deferred.callback(None)

    def _fail(self, calls: Iterable[Call], error: Exception) -> None:
        for call in calls:
            if not call.deferred.called:
                call.deferred.errback(error)

    def _tell_idle(self) -> None:
        if self._sent or self._waiting:
            return
        idle, self._idle = self._idle, []
        for done in idle:
            done.callback(None)


def _unanswered(failure: Failure) -> list[Any]:
    """An error instead of an answer, as one."""
    error = failure.value
    if isinstance(error, BrokerUnavailable):
        return [b"UNSURE"]
    if isinstance(error, ServerRefused):
        return [b"WAIT"] if error.is_passing else [b"REFUSED", error]
    failure.trap(TypeError, ValueError)
    return [b"REFUSED", error]


def _apart(batch: Batch) -> list[Batch]:
    """Each call of a batch in one of its own, under the numbers that it has.

    Of what was stored before, nobody knows any more which messages were one call.
    """
    batches, first = [], batch.first
    for call in batch.calls or [Call([post], 0, None) for post in batch.posts]:
        single = alone(call)
        single.first = first
        if not batch.calls:
            single.calls = []
        first += single.count
        batches.append(single)
    return batches
