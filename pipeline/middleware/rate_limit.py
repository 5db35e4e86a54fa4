"""Lets only so many messages take effect in a span of time."""

from __future__ import annotations

import random
from typing import Any, ClassVar

from twisted.logger import Logger

from pipeline.config.base import Config
from pipeline.config.fields import ConfigChoice
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration
from pipeline.delivery import Delivery, delivery_of
from pipeline.errors import Conflict, Drop, RetryLater
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.field_path import ConfigFieldPath, key_getter
from pipeline.middleware.places import Places
from pipeline.middleware.selection import ConfigKinds, Handler, attach
from pipeline.store import Store

__all__ = ["RateLimitMiddleware", "RateLimitMiddlewareConfig"]

#: Of how many keys a process remembers what it knows; the others cost a look at the store.
MOST_KEYS = 10_000

#: The share of one message's time by which who is put off comes later, at random.
JITTER = 0.1

_log = Logger()


class RateLimitMiddlewareConfig(Config):
    """The options of :class:`RateLimitMiddleware`."""

    limit = ConfigInt(
        "How many messages may take effect within the span of time, 1 to 1,000,000.",
        required=True,
        minimum=1,
        maximum=1_000_000,
        static=True,
    )
    per = ConfigDuration("The span of time.", default=1, static=True)
    key = ConfigFieldPath(
        "What is limited by itself: a field as `from_addr`, or a key in one as `extra.customer`."
        " None: all together. Messages without a value share one limit.",
        static=True,
    )
    on_limit = ConfigChoice(
        "What becomes of a message for which there is no room. `delay`: it comes again later."
        " `drop`: it is settled, and nothing more; an outbound message makes a nack.",
        default="delay",
        static=True,
        values=("delay", "drop"),
    )
    count = ConfigChoice(
        "What counts: messages that took effect, or every attempt that was begun.",
        default="effects",
        static=True,
        values=("effects", "starts"),
    )
    kinds = ConfigKinds(
        "The kinds of message that are limited; each by itself.", default=("inbound",)
    )

    def post_validate(self) -> None:
        """:raises ConfigError: a span of no length."""
        if not self.per:
            self.raise_config_error("per: must be longer than 0", "per")


class RateLimitMiddleware(BaseMiddleware):
    """Lets no more than ``limit`` messages take effect within any ``per`` seconds.

    There are ``limit`` places for each key. A message takes one, and the store forgets that after
    ``per`` seconds, by the server's clock. The place is taken together with the message's
    settlement, so a failed attempt takes none; if two messages took the same one, the second
    finds that when it is to be settled, and runs again with another or is put off.

    Being put off is no failed attempt. The limit is of a middleware's name, a connector and a kind,
    in one partition; workers that share a queue give it the same name.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = RateLimitMiddlewareConfig
    MAY = ("drop", "retry", "store")
    config: RateLimitMiddlewareConfig

    def setup_middleware(self) -> None:
        """Put the handlers in place."""
        self._limit, self._per = self.config.limit, self.config.per
        self._key_of = key_getter(self.config.key) if self.config.key else lambda message: ""
        self._now = self.worker.clock.seconds
        self._first = random.randrange(self._limit)
        self._places: dict[tuple[int, str], Places] = {}
        self._counts_starts = self.config.count == "starts"
        attach(self, "consume", self.config.kinds, self._on)
        if self.worker.broker.partitions > 1:
            _log.warn("{name}: the limit is for each partition by itself", name=self.name)

    def _on(self, kind: str) -> Handler:
        scope = f"rate:{self.name}:{kind}"

        async def handle(message: Any, connector_name: str) -> Any:
            delivery = delivery_of(message)
            if delivery is None:
                return message
            key = f"{scope}:{connector_name}:{self._key_of(message) or ''}"
            places = self._known(delivery.partition, key)
            while True:
                now = self._now()
                place = places.choose(delivery.idempotency_key, now)
                if place is None:
                    raise self._no_room(places, now)
                since = await self._take(f"{key}:{place}", now, delivery)
                if since is None:
                    return message
                places.disappoint(delivery.idempotency_key, place, since, now)

        return handle

    def _known(self, partition: int, key: str) -> Places:
        known = self._places.get((partition, key))
        if known is None:
            if len(self._places) >= MOST_KEYS:
                del self._places[next(iter(self._places))]
            known = Places(self._limit, self._per, self._first)
            self._places[partition, key] = known
        return known

    async def _take(self, place: str, now: float, delivery: Delivery) -> float | None:
        """Take a place.

        :return: None, or since when somebody else has it.
        """
        store: Store = (
            self.worker.store(delivery.partition) if self._counts_starts else delivery.store
        )
        # A place that turns out to be another's has no part in what this message depends on.
        taken = await store.peek(place)
        if taken is not None:
            return float(taken)
        store.expect(place, None)
        store.set(place, f"{now:.3f}", self._per)
        if self._counts_starts:
            try:
                await store.commit()
            except Conflict:
                return now
        return None

    def _no_room(self, places: Places, now: float) -> Exception:
        why = f"over the limit of {self._limit} in {self._per:g} s"
        if self.config.on_limit == "drop":
            return Drop(why)
        jitter = random.random() * JITTER * self._per / self._limit
        return RetryLater(places.put_off(now) + jitter, why)
