"""The flow of a connector's deliveries: admitted, handled, settled, let go."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.connector.handling import HAND_BACK, Inlet
from pipeline.connector.reading import Reader, Window
from pipeline.connector.settling import Settler
from pipeline.connector.turns import Turns
from pipeline.delivery import Delivery, Settled
from pipeline.eager import begun, eager
from pipeline.outcome import DONE, DeadLetter, Dropped, Retry
from pipeline.signals import (
    Signal,
    message_dead_lettered,
    message_dropped,
    message_retried,
    message_settled,
)

__all__ = ["Flow", "Source"]

_SIGNALS: dict[Any, Signal] = {
    Retry: message_retried,
    DeadLetter: message_dead_lettered,
    Dropped: message_dropped,
}

_log = Logger("pipeline.connector")


class Source:
    """One queue in one partition: who reads it, who handles what comes, who settles it.

    :param weight: how many of its deliveries begin before others get a turn, see
        :class:`~pipeline.connector.turns.Turns`.
    """

    __slots__ = ("consumer", "inlet", "reader", "settler", "weight", "window")

    def __init__(
        self, flow: Flow, inlet: Inlet, consumer: Any, clock: IReactorTime, weight: int = 1
    ) -> None:
        self.inlet = inlet
        self.consumer = consumer
        self.weight = weight
        self.window = flow.window_of(weight)
        self.reader = Reader(consumer, self.window, clock, lambda batch: flow.handle(self, batch))
        self.settler = Settler(
            consumer, clock, lambda batch, results: flow.settled(self, batch, results)
        )


class Flow:
    """Has deliveries handled, as many at a time as may be, and makes their outcomes true.

    :param name: the connector's name, for the log.
    :param sender: the ``sender`` of signals.
    :param clock: an IReactorTime.
    :param limit: the most deliveries handled at a time.
    :ivar lost: how many deliveries were settled by others first.
    """

    def __init__(
        self,
        name: str,
        sender: Any,
        clock: IReactorTime,
        limit: int,
    ) -> None:
        self.limit = limit
        self._windows = {1: self._make_window(limit)}
        self.sources: list[Source] = []
        self.lost = 0
        self._name = name
        self._sender = sender
        self._clock = clock
        self._busy = 0
        self._backlog: deque[tuple[Source, Delivery]] | Turns[tuple[Source, Delivery]] = deque()
        self._running: dict[Delivery, Deferred[Any]] = {}
        self._outcomes: dict[Delivery, Any] = {}
        self._returned: list[tuple[Source, Delivery]] = []
        self._idle: list[Deferred[None]] = []
        self._is_over = False

    @property
    def in_hand(self) -> int:
        """How many deliveries are in hand now."""
        return sum(window.in_hand for window in self._windows.values())

    def window_of(self, weight: int) -> Window:
        """The window of the queues with this weight.

        Each weight has one, so that what waits with a lower one leaves room to read on; it has
        room for as many that wait as may begin, else those below would begin whenever all that is
        here has begun. While all have the weight 1 there is one window and one line.
        """
        if weight not in self._windows:
            self._windows[weight] = self._make_window(2 * self.limit)
            self._backlog = Turns(self._windows, _weight)
        return self._windows[weight]

    def _make_window(self, limit: int) -> Window:
        return Window(limit)

    def when_idle(self) -> Deferred[None]:
        """A Deferred that fires when nothing is in hand."""
        if not self.in_hand:
            return succeed(None)
        idle: Deferred[None] = Deferred()
        self._idle.append(idle)
        return idle

    def wait_no_more(self) -> None:
        """Give back what would have to wait beyond our end: we stop."""

    def expire(self) -> None:
        """Begin nothing more, give back what doesn't run, cancel what does."""
        self._is_over = True
        self._backlog.clear()
        for source in self.sources:
            source.inlet.is_stopping = True
            for delivery in list(source.reader.held):
                if not delivery.settled and delivery not in self._running:
                    self._give_back(source, delivery)
        for running in list(self._running.values()):
            running.cancel()
        self._tell_idle()

    def close(self, source: Source) -> list[Delivery]:
        """Let go of all that a source has.

        :return: what must be handed back.
        """
        source.settler.close()
        given = [delivery for owner, delivery in self._returned if owner is source]
        return given + source.reader.close()

    # Handling ----------------------------------------------------------------------------------

    def handle(self, source: Source, batch: list[Delivery]) -> None:
        """Have a batch handled; what finishes at once is settled together."""
        source.settler.gather()
        line_up = self._line_up
        for delivery in batch:
            line_up(source, delivery)
        source.settler.flush()

    def _admit(self, source: Source, delivery: Delivery) -> None:
        """Have it handled when there is room."""
        if self._busy >= self.limit:
            self._backlog.append((source, delivery))
            return
        self._busy += 1
        self._begin(source, delivery)

    _line_up = _admit

    def _begin(self, source: Source, delivery: Delivery) -> None:
        try:
            outcome = begun(source.inlet.process, delivery)
        except Exception:  # noqa: BLE001  # the rest of its batch must not suffer
            self._broken(Failure())
            return
        if outcome is None:
            if not (delivery.posts or delivery.has_state or message_settled.receivers):
                # Nobody asks for it any more: let go of it while it is in the processor's cache.
                delivery.message = None
            source.settler.add(delivery)
        elif isinstance(outcome, Deferred):
            self._run(source, delivery, outcome)
        else:
            self._finish(source, delivery, outcome)

    def _run(self, source: Source, delivery: Delivery, running: Deferred[Any]) -> None:
        self._running[delivery] = running
        running.addCallback(lambda outcome: self._finish(source, delivery, outcome))
        running.addErrback(self._broken)

    def _broken(self, failure: Failure) -> None:
        """Only a fault of the framework comes here: the message stays in hand, unsettled."""
        _log.failure("{name}: a delivery could not be finished", failure, name=self._name)

    def _finish(self, source: Source, delivery: Delivery, outcome: Any) -> None:
        self._running.pop(delivery, None)
        if delivery not in source.reader.held:
            return  # given up at the deadline
        if outcome is HAND_BACK:
            self._give_back(source, delivery)
            self._tell_idle()
            return
        self._conclude(source, delivery, outcome)

    def _conclude(self, source: Source, delivery: Delivery, outcome: Any) -> None:
        """Make an outcome true; None stands for Done."""
        if outcome is not None:
            self._outcomes[delivery] = outcome
        source.settler.add(delivery)

    def _give_back(self, source: Source, delivery: Delivery) -> None:
        if source.reader.release(delivery):
            self._returned.append((source, delivery))

    # Settled -----------------------------------------------------------------------------------

    def settled(self, source: Source, batch: list[Delivery], results: list[Settled]) -> None:
        """Let go of what is settled, and handle anew what was not."""
        source.settler.gather()
        won = batch
        if results.count(Settled.WON) != len(batch):
            won = list(self._won(source, batch, results))
        if self._outcomes or message_settled.receivers:
            for delivery in won:
                self._tell_settled(source, delivery)
        self._release(source, won)
        source.settler.flush()
        self._go_on()

    def _won(
        self, source: Source, batch: list[Delivery], results: list[Settled]
    ) -> Iterator[Delivery]:
        """Those that were settled; the others are seen to."""
        for delivery, result in zip(batch, results, strict=True):
            if result is Settled.WON:
                yield delivery
            else:
                self._not_won(source, delivery, result)

    def _not_won(self, source: Source, delivery: Delivery, result: Settled) -> None:
        if result is Settled.CONFLICT:
            self._handle_anew(source, delivery)
        elif result is Settled.REFUSED:
            self._refused(source, delivery)
        else:
            self._gone(source, delivery, result)

    def _handle_anew(self, source: Source, delivery: Delivery) -> None:
        """What it read has changed meanwhile: decode it again, read again."""
        self._outcomes.pop(delivery, None)
        delivery.restart()
        delivery.message = None
        delivery.conflicts += 1
        if self._is_over:
            self._give_back(source, delivery)
        else:
            self._begin(source, delivery)

    def _refused(self, source: Source, delivery: Delivery) -> None:
        _log.error(
            "{name}: the server refused what {delivery!r} wants to write: {refusal}",
            name=self._name,
            delivery=delivery,
            refusal=delivery.refusal,
        )
        if isinstance(self._outcomes.get(delivery), DeadLetter):
            self._give_back(source, delivery)  # not even that: it stays with the server
            return
        self._run_now(source, delivery)

    def _run_now(self, source: Source, delivery: Delivery) -> None:
        outcome = eager(source.inlet.refuse(delivery))
        if isinstance(outcome, Deferred):
            self._run(source, delivery, outcome)
        else:
            self._finish(source, delivery, outcome)

    def _gone(self, source: Source, delivery: Delivery, result: Settled) -> None:
        """Settled by another, torn, or of a queue that isn't there any more."""
        self._outcomes.pop(delivery, None)
        self.lost += result is Settled.LOST
        if result is Settled.TORN:
            _log.error("{name}: {delivery!r} was torn", name=self._name, delivery=delivery)
        self._release(source, [delivery])

    def _tell_settled(self, source: Source, delivery: Delivery) -> None:
        outcome = self._outcomes.pop(delivery, DONE)
        if outcome is DONE and delivery.message is None:
            source.inlet.decode(delivery)  # whoever is told was not there yet when it was handled
        said = {
            "kind": source.inlet.kind,
            "message": delivery.message,
            "delivery": delivery,
            "outcome": outcome,
        }
        if message_settled.receivers:
            message_settled.send_robust(self._sender, **said)
        signal = _SIGNALS.get(type(outcome))
        if signal is not None and signal.receivers:
            signal.send_robust(self._sender, **said)

    def _release(self, source: Source, batch: list[Delivery]) -> None:
        """Their room and their lanes are free: whoever waits for them may begin."""
        released = source.reader.release_all(batch)
        self._busy -= len(released)
        for delivery in released:
            delivery.message = None  # they name each other: don't leave that to the collector
            if delivery.key is not None:
                self._free(delivery.key)
        self._admit_more()

    def _free(self, key: Hashable) -> None:
        """Whoever waited behind this key may begin."""

    def _admit_more(self) -> None:
        while self._backlog and self._busy < self.limit:
            self._busy += 1
            self._begin(*self._backlog.popleft())

    def _go_on(self) -> None:
        for each in self.sources:
            each.reader.take_more()
        self._tell_idle()

    def _tell_idle(self) -> None:
        if self.in_hand:
            return
        idle, self._idle = self._idle, []
        for each in idle:
            if not each.called:
                each.callback(None)


def _weight(waiting: tuple[Source, Delivery]) -> int:
    return waiting[0].weight
