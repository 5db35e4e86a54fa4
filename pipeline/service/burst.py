"""Ends a process when its workers have nothing more to do, as redis-tasks' burst mode does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.outcome import DeadLetter
from pipeline.signals import message_settled
from pipeline.worker import Worker

__all__ = ["Burst"]

#: Seconds between two looks.
EVERY = 0.1
#: How often in a row everything must be found empty: one look sees queue after queue, and what
#: passes from one to another meanwhile could escape it.
LOOKS = 2


class Burst:
    """Watches the queues that the workers of this process read, until they are empty.

    A queue is drained when nothing waits in it and nobody has anything of it in hand, here or in
    another process. What is delayed, as a retry, is waited for as long as is asked. What waits in a
    queue that an operator has paused is left there.

    :param system: a :class:`pipeline.service.running.System`.
    :param clock: the reactor.
    :param stop: called when all is done.
    :param wait: seconds to wait for what is delayed, once all else is done.
    :ivar handled: how many messages were settled.
    :ivar dead: how many of them are dead letters.
    """

    log = Logger()

    def __init__(
        self, system: Any, clock: Any, stop: Callable[[], None], wait: float = 0.0
    ) -> None:
        self.handled = 0
        self.dead = 0
        self._system = system
        self._clock = clock
        self._stop = stop
        self._wait = wait
        self._empty_looks = 0
        self._drained_at: float | None = None
        self._looking: LoopingCall | None = None
        # The first workers read before the last ones are ready. Held weakly: it counts to its end.
        message_settled.connect(self._settled)
        system.ready.addCallback(self._begin)

    def _begin(self, is_ready: bool) -> bool:
        if is_ready:
            self._looking = LoopingCall(self._look)
            self._looking.clock = self._clock
            self._looking.start(EVERY, now=True).addErrback(self._failed)
        return is_ready

    def _settled(self, **named: Any) -> None:
        self.handled += 1
        self.dead += isinstance(named["outcome"], DeadLetter)

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._looked())

    async def _looked(self) -> None:
        if self._system.is_stopping:
            self._look_no_more()  # what is in hand goes on counting
            return
        working, delayed = await self._left()
        if working:
            self._empty_looks, self._drained_at = 0, None
            return
        self._empty_looks += 1
        now = self._clock.seconds()
        if self._drained_at is None:
            self._drained_at = now
        if self._empty_looks < LOOKS or (delayed and now < self._drained_at + self._wait):
            return
        self._look_no_more()
        self._stop()

    async def _left(self) -> tuple[int, int]:
        """How many messages wait or are in hand, and how many are delayed."""
        working = delayed = 0
        for worker in self._workers():
            paused = {each.queue for each in await worker.broker.overseer().pauses()}
            for connector in worker.connectors.values():
                working += connector.in_hand
                for queue in connector.reads:
                    depth = await worker.broker.depth(queue)
                    working += depth.in_hand
                    if queue not in paused:
                        working += depth.waiting
                        delayed += depth.delayed
        return working, delayed

    def _workers(self) -> Iterator[Worker]:
        for part in self._system.parts:
            worker = getattr(part.owner, "worker", None)
            if worker is not None:
                yield worker

    def _look_no_more(self) -> None:
        if self._looking is not None and self._looking.running:
            self._looking.stop()

    def _failed(self, failure: Failure) -> None:
        # As when the server is away: the queues can't be empty before it is back.
        self.log.warn("can't look whether all is done: {error}", error=failure.value)
        assert self._looking is not None
        self._clock.callLater(1.0, self._again)

    def _again(self) -> None:
        if not self._system.is_stopping:
            assert self._looking is not None
            self._looking.start(EVERY, now=True).addErrback(self._failed)
