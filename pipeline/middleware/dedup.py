"""Lets a message take effect once, however often it is sent."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from twisted.logger import Logger

from pipeline.config.base import Config
from pipeline.config.quantities import ConfigDuration
from pipeline.delivery import Delivery, delivery_of
from pipeline.errors import Drop, RetryLater
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.field_path import ConfigFieldPath, key_getter
from pipeline.middleware.selection import DIRECTIONS, ConfigChoices, ConfigKinds, Handler, attach

__all__ = ["DedupMiddleware", "DedupMiddlewareConfig"]

#: What a mark's value is; that it is there says all.
_MARK = b"1"

#: Seconds after which a copy of a message that is in hand asks again; less when that has been
#: handled, and only its settlement is to come.
IN_HAND = 1.0
SETTLING = 0.25

#: Seconds after which it is not waited for: it may hang, or have been handed back.
LONGEST = 60.0

_log = Logger()


class DedupMiddlewareConfig(Config):
    """The options of :class:`DedupMiddleware`."""

    key = ConfigFieldPath(
        "What copies have in common: `id` (a message's or an event's), a field as `content`, or a"
        " key in one as `helper_metadata.order_id` or `extra.order`. A message without a value for"
        " it passes.",
        default="id",
        static=True,
    )
    window = ConfigDuration(
        "How long after a message has taken effect its copies are dropped.",
        default="1d",
        static=True,
    )
    kinds = ConfigKinds("The kinds of message that are looked at.", default=("inbound",))
    directions = ConfigChoices(
        "`consume`: messages that are read are looked at. `publish`: messages that go out while"
        " another is being handled.",
        default=("consume",),
        static=True,
        values=DIRECTIONS,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: a window of no length."""
        if not self.window:
            self.raise_config_error("window: must be longer than 0", "window")


class DedupMiddleware(BaseMiddleware):
    """Drops a message that has taken effect before, within a window of time.

    That a message was seen is written together with its settlement, so a message that failed and
    is tried again is no copy of itself; and of two copies that are handled at once the second one
    finds, when it is to be settled, that the first has won: it is looked at again, and dropped.
    Within a process the second waits until the first is settled, and its handler never runs.

    A message without a value for the key passes. So does one that is published from the edge, with
    no delivery in hand: the mark could not be written in one step with it.

    Marks are of a middleware's name, a connector, a kind and a direction; workers that share a
    queue give it the same name.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = DedupMiddlewareConfig
    MAY = ("drop", "retry", "store")
    config: DedupMiddlewareConfig

    def setup_middleware(self) -> None:
        """Put the handlers in place."""
        self._key_of = key_getter(self.config.key)
        self._window = self.config.window
        self._now = self.worker.clock.seconds
        self._begun: dict[str, tuple[Delivery, float]] = {}
        for direction in self.config.directions:
            attach(self, direction, self.config.kinds, partial(self._on, direction))
        _warn_of_partitions(self)

    def _on(self, direction: str, kind: str) -> Handler:
        """A handler that passes a message once."""
        place = f"dedup:{self.name}:{direction}:{kind}"

        async def handle(message: Any, connector_name: str) -> Any:
            key = self._key_of(message)
            delivery = delivery_of(message)
            if key is None or delivery is None:
                return message
            mark = f"{place}:{connector_name}:{key}"
            if direction == "consume":
                self._begin(mark, delivery)
            if await delivery.store.get(mark) is not None:
                raise Drop(f"a copy: {self.config.key} was seen less than {self._window:g} s ago")
            delivery.store.set(mark, _MARK, self._window)
            return message

        return handle

    def _begin(self, mark: str, delivery: Delivery) -> None:
        """Wait for a copy that this process has in hand: if it fails, this one is to be handled.

        :raise RetryLater: there is one.
        """
        now = self._now()
        self._forget(now)
        first, at = self._begun.get(mark, (delivery, now))
        wait = 0.0 if first is delivery else _wait(first, now - at)
        if wait:
            raise RetryLater(wait, "a copy of it is in hand")
        self._begun[mark] = delivery, now

    def _forget(self, now: float) -> None:
        """Forget what is over, two at a time, so that it never gets more."""
        for _ in range(2):
            mark = next(iter(self._begun), None)
            if mark is None:
                return
            first, at = self._begun.pop(mark)
            if _wait(first, now - at):
                self._begun[mark] = first, at
                return


def _wait(first: Delivery, age: float) -> float:
    """How many seconds a copy shall wait for one that was begun some seconds ago."""
    if first.settled:
        return SETTLING if age < SETTLING else 0.0
    return IN_HAND if age < LONGEST else 0.0


def _warn_of_partitions(middleware: BaseMiddleware) -> None:
    partitions = getattr(getattr(middleware.worker, "broker", None), "partitions", 1)
    if partitions > 1:
        _log.warn(
            "{name}: with {partitions} partitions only copies in one partition are found: those"
            " of one address",
            name=middleware.name,
            partitions=partitions,
        )
