"""Reads one queue as fast as there is room, and holds what is in hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.delivery import Delivery

__all__ = ["MANY", "Reader", "Window"]

#: With so many the next take is asked for before they are handled, so that the server works
#: meanwhile; fewer begin at once, as to ask would only delay them.
MANY = 20

#: Seconds before a take that failed is tried again.
AGAIN = 1.0

_GONE = object()


class Window:
    """How many deliveries a connector may have in hand, over all its queues.

    Those that wait, behind another of their key or for their next attempt, don't count; but when
    there are too many of them nothing more is read.

    :param limit: the most of the others.
    :param most_waiting: the most that may wait.
    """

    def __init__(self, limit: int, most_waiting: int = 0) -> None:
        self.limit = limit
        self.most_waiting = most_waiting
        #: The most to take at once: half, so that the server works while the rest is handled.
        self.chunk = max(1, limit // 2)
        self.in_hand = 0
        #: How many of these wait for their turn.
        self.waiting = 0

    @property
    def room(self) -> int:
        """How many more may be taken now; 0 or less: none."""
        if self.waiting and self.waiting >= self.most_waiting:
            return 0
        return self.limit - self.in_hand + self.waiting


class Reader:
    """Takes from one consumer, again and again, while it may and there is room.

    The next take goes out in the turn in which a batch begins to be handled. An error of the broker
    ends nothing: the reader takes again, after :data:`AGAIN` seconds.

    :param consumer: an :class:`~pipeline.interfaces.IConsumer`.
    :param window: shared by all readers of the connector.
    :param clock: an IReactorTime.
    :param handle: called with a list of deliveries.
    """

    def __init__(
        self,
        consumer: Any,
        window: Window,
        clock: IReactorTime,
        handle: Callable[[list[Delivery]], None],
    ) -> None:
        self.consumer = consumer
        #: What was taken and is neither settled nor given up.
        self.held: dict[Delivery, None] = {}
        self._window = window
        self._clock = clock
        self._handle = handle
        self._batches: deque[list[Delivery]] = deque()
        self._reading = False
        self._taking = False
        self._handling = False
        self._again: Any = None
        self._next: Any = None
        self._closed = False
        self._handed_back: Deferred[None] = succeed(None)
        self._stopped: list[Deferred[None]] = []
        self._begun: list[Deferred[bool]] = []

    @property
    def is_idle(self) -> bool:
        """Nothing is being taken, and nothing is in hand."""
        return not self._taking and not self.held

    @property
    def is_reading(self) -> bool:
        """It isn't paused, nor closed."""
        return self._reading and not self._closed

    @property
    def is_halted(self) -> bool:
        """It reads and has room, yet no take is out or about to be: somebody forgot it."""
        is_busy = self._taking or self._again is not None or self._next is not None
        return self.is_reading and not is_busy and self._window.room > 0

    def read(self) -> Deferred[bool]:
        """Start to read, if it doesn't yet.

        :return: a Deferred that fires with True when a take is out, for which there must be room;
            or with False when reading is paused, or closed, before that.
        """
        self._reading = True
        begun: Deferred[bool] = Deferred()
        self._begun.append(begun)
        if self._taking:
            self._tell_begun(True)
        else:
            self.take_more()
        return begun

    def pause(self) -> Deferred[None]:
        """Take nothing more.

        :return: a Deferred that fires when the take that is out has ended; what it brings is
            still handled.
        """
        self._reading = False
        self._tell_begun(False)
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if not self._taking:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        maybeDeferred(self.consumer.interrupt).addErrback(self._complain)
        return stopped

    def close(self) -> list[Delivery]:
        """Let go of everything, unhandled.

        :return: what was held.
        """
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self._batches.clear()
        self._closed = True
        self._tell_begun(False)
        held = list(self.held)
        for delivery in held:
            self.release(delivery)
        return held

    def ended(self) -> Deferred[None]:
        """End the take that is out.

        :return: a Deferred that fires when it has ended, and what it brought is handed back.
        """
        if not self._taking:
            return self._handed_back
        ended: Deferred[None] = Deferred()
        self._stopped.append(ended)
        maybeDeferred(self.consumer.interrupt).addErrback(self._complain)
        return ended.addCallback(lambda _: self._handed_back)

    def take_more(self) -> None:
        """Send a take if there is room and none is out."""
        if self._taking or self._closed or not self._reading or self._again is not None:
            return
        room = self._window.room
        if room < 1:
            return
        self._taking = True
        taken: Deferred[Any] = maybeDeferred(self.consumer.take, min(room, self._window.chunk))
        taken.addCallbacks(self._took, self._not_taken)
        if self._taking and self._begun:
            self._tell_begun(True)

    def release(self, delivery: Delivery) -> bool:
        """Let go of a delivery; False when it was let go already."""
        if delivery not in self.held:
            return False
        del self.held[delivery]
        self._window.in_hand -= 1
        return True

    def release_all(self, batch: list[Delivery]) -> list[Delivery]:
        """Let go of deliveries; those that were still held."""
        held = self.held
        released = [delivery for delivery in batch if held.pop(delivery, _GONE) is None]
        self._window.in_hand -= len(released)
        return released

    def _took(self, batch: list[Delivery]) -> None:
        self._taking = False
        if self._begun:
            self._tell_begun(True)
        if self._closed:
            self._handed_back = maybeDeferred(self.consumer.hand_back, batch)
            self._handed_back.addErrback(self._complain)
            self._tell_stopped()
            return
        if batch:
            self.held.update(dict.fromkeys(batch))
            self._window.in_hand += len(batch)
            self._batches.append(batch)
        elif self._reading and not self._stopped:
            self._take_later()  # nothing, though nobody interrupted: it must not make us spin
        self._tell_stopped()
        is_busy = self._handling or self._next is not None
        if is_busy or len(batch) >= MANY:
            self.take_more()
        if not is_busy:
            self._handle_next()

    def _handle_next(self) -> None:
        """Handle one batch; those behind it in the next turn, so that others have one as well."""
        self._next = None
        self._handling = True
        try:
            if self._batches:
                self._handle(self._batches.popleft())
        finally:
            self.take_more()
            self._handling = False
            if self._batches:
                self._next = self._clock.callLater(0, self._handle_next)

    def _not_taken(self, failure: Failure) -> None:
        self._taking = False
        if self._reading:
            _log.warn(
                "{queue}: can't read, will try again: {error}",
                queue=self.consumer.queue,
                error=failure.getErrorMessage(),
            )
            self._take_later()
        self._tell_stopped()

    def _complain(self, failure: Failure) -> None:
        _log.warn(
            "{queue}: while stopping: {error}",
            queue=self.consumer.queue,
            error=failure.getErrorMessage(),
        )

    def _take_later(self) -> None:
        self._again = self._clock.callLater(AGAIN, self._retake)

    def _retake(self) -> None:
        self._again = None
        self.take_more()

    def _tell_begun(self, has_begun: bool) -> None:
        begun, self._begun = self._begun, []
        for each in begun:
            each.callback(has_begun)

    def _tell_stopped(self) -> None:
        stopped, self._stopped = self._stopped, []
        for each in stopped:
            each.callback(None)


_log = Logger("pipeline.connector")
