"""The flow of deliveries that are in order: what has the same key is handled one after another.

The next of a key begins when the one before has settled. One that is to be tried again keeps its
lane: it stays in hand, its attempt is noted at the broker, and this process handles it again when
its delay is over.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime

from pipeline.connector.flow import Flow, Source
from pipeline.connector.lanes import Lanes
from pipeline.connector.posting import as_note
from pipeline.connector.reading import Window
from pipeline.delivery import Delivery, Settled
from pipeline.outcome import Retry

__all__ = ["OrderedFlow", "Ordering", "flow_for"]

Ordering = Literal["none", "process", "strict"]

#: How many times the limit of those in progress may wait for their turn. Less if it is strict: who
#: comes after a death tries them one by one.
WAITING, WAITING_IF_STRICT = 10, 1


class OrderedFlow(Flow):
    """Has deliveries handled one at a time for each key, and different keys side by side.

    :param is_strict: others may read in our place without our knowing: what isn't the consumer's
        any more isn't begun.
    """

    def __init__(
        self, name: str, sender: Any, clock: IReactorTime, limit: int, is_strict: bool
    ) -> None:
        self._is_strict = is_strict
        super().__init__(name, sender, clock, limit)
        self._lanes: Lanes[tuple[Source, Delivery]] = Lanes()
        #: What waits for its next attempt and holds its lane.
        self._postponed: dict[Delivery, tuple[Source, Any]] = {}
        #: The lanes of what was given back because it would have to wait beyond our end.
        self._left: set[Hashable] = set()
        self._is_stopping = False

    def _make_window(self, limit: int) -> Window:
        return Window(limit, limit * (WAITING_IF_STRICT if self._is_strict else WAITING))

    def wait_no_more(self) -> None:
        """Give back what waits for its next attempt, and all that waits behind it: we stop."""
        self._is_stopping = True
        for delivery, (source, due) in list(self._postponed.items()):
            due.cancel()
            del self._postponed[delivery]
            self._leave(source, delivery)
        self._tell_idle()

    def handle(self, source: Source, batch: list[Delivery]) -> None:
        """Have a batch handled; there is room for more as far as it has to wait."""
        super().handle(source, batch)
        if source.window.waiting:
            source.reader.take_more()

    # Lanes -------------------------------------------------------------------------------------

    def _line_up(self, source: Source, delivery: Delivery) -> None:
        key = delivery.key = source.inlet.key(delivery)
        if self._left and key in self._left:
            self._give_back(source, delivery)
            self._tell_idle()
        elif key is None or self._lanes.enter(key, (source, delivery)):
            self._start(source, delivery)
        else:
            delivery.probation = False  # it can harm nobody while it waits
            source.window.waiting += 1

    def _start(self, source: Source, delivery: Delivery) -> None:
        """Begin when it is time."""
        if delivery.wait is not None and delivery.wait > self._clock.seconds():
            self._wait(source, delivery)
        else:
            self._admit(source, delivery)

    def _free(self, key: Hashable) -> None:
        """Begin the next of a lane that is still in our hands."""
        following = self._lanes.leave(key)
        while following is not None:
            source, delivery = following
            source.window.waiting -= 1
            if delivery in source.reader.held and self._is_ours(source, delivery):
                self._start(source, delivery)
                return
            source.reader.release(delivery)
            following = self._lanes.leave(key)

    def _is_ours(self, source: Source, delivery: Delivery) -> bool:
        """Whether it makes sense to handle it: another may read in order by now."""
        return not self._is_strict or source.consumer.in_hand.get(delivery.id) is delivery

    def _conclude(self, source: Source, delivery: Delivery, outcome: Any) -> None:
        if type(outcome) is Retry and delivery.key is not None:
            self._postpone(source, delivery, outcome)
        else:
            super()._conclude(source, delivery, outcome)

    # Postponed ---------------------------------------------------------------------------------

    def _postpone(self, source: Source, delivery: Delivery, outcome: Retry) -> None:
        """Note the next attempt. It is made here, and those of its key behind it wait for it."""
        delay, attempt, history = as_note(delivery.posts[0])
        delivery.restart()
        noting = maybeDeferred(source.consumer.postpone, delivery, attempt, history, delay)
        noting.addCallback(self._noted, source, delivery, outcome)
        noting.addErrback(self._broken)

    def _noted(self, result: Settled, source: Source, delivery: Delivery, outcome: Retry) -> None:
        if delivery not in source.reader.held:
            return  # given up at the deadline
        if result is Settled.WON:
            self._outcomes[delivery] = outcome
            self._tell_settled(source, delivery)
            delivery.message = None  # the handler may have changed it
            self._busy -= 1
            self._wait(source, delivery)
            self._admit_more()
        else:
            self._gone(source, delivery, result)
        self._go_on()

    def _wait(self, source: Source, delivery: Delivery) -> None:
        if self._is_stopping:
            self._leave(source, delivery)
            return
        source.window.waiting += 1
        left = max(0.0, (delivery.wait or 0.0) - self._clock.seconds())
        due = self._clock.callLater(left, self._is_due, source, delivery)
        self._postponed[delivery] = source, due

    def _is_due(self, source: Source, delivery: Delivery) -> None:
        del self._postponed[delivery]
        source.window.waiting -= 1
        if self._is_ours(source, delivery):
            self._admit(source, delivery)
            return
        source.reader.release(delivery)
        self._free(delivery.key)
        self._go_on()

    def _leave(self, source: Source, delivery: Delivery) -> None:
        """Another shall make its next attempt, and handle what comes behind it."""
        self._give_back(source, delivery)
        self._left.add(delivery.key)
        for behind in self._lanes.drop(delivery.key):
            self._give_back(*behind)


def flow_for(ordering: Ordering, name: str, sender: Any, clock: IReactorTime, limit: int) -> Flow:
    """The flow of a connector with this ordering."""
    if ordering == "none":
        return Flow(name, sender, clock, limit)
    return OrderedFlow(name, sender, clock, limit, ordering == "strict")
