"""A queue that belongs to this process alone, as its reader sees it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from pipeline.brokers.redis.entries import Entries
from pipeline.brokers.redis.layout import GROUP
from pipeline.brokers.redis.script import Script
from pipeline.delivery import Delivery, Settled
from pipeline.errors import BrokerError

__all__ = ["BlockingInbox"]

_OPEN = Script.load("open.lua")
_BURY = Script.load("gone.lua", "bury.lua")
#: How many messages of a queue that is given up are dead-lettered by one script.
AT_ONCE = 100


class BlockingInbox:
    """Takes what the broker reads of one queue, and acknowledges it.

    :param broker: the :class:`~pipeline.brokers.blocking.BlockingBroker`.
    :param queue: an instance's, as ``tasks.outbound@f00``.
    :param partition: its number.
    """

    def __init__(self, broker: Any, queue: str, partition: int) -> None:
        self.queue = queue
        self.partition = partition
        self.in_hand: dict[bytes, Delivery] = {}
        self._broker = broker
        self._layout = broker.layouts[partition]
        self.stream = self._layout.stream(queue)
        self._entries = Entries(queue, partition, broker.reader(partition))
        self._token = b""
        self._taking: Deferred[list[Delivery]] | None = None

    def open(self) -> Deferred[None]:
        """Make the queue, and be known as whose it is."""
        try:
            self._broker.beat()
            self.join()
            self._broker.inboxes[self.stream] = self
        except BrokerError:
            return fail()
        return succeed(None)

    def join(self) -> None:
        """Make the queue ready to be read."""
        connection = self._broker.connection
        connection.call("HSET", self._layout.instances, self.queue, self._broker.worker_id)
        keys, args = [self.stream, self._layout.token(self.queue)], [GROUP, secrets.token_hex(8)]
        self._token = connection.run(_OPEN, keys, args)

    def take(self, count: int) -> Deferred[list[Delivery]]:
        """What comes next; fires when the broker has read it."""
        self._taking = Deferred()
        return self._taking

    def came(self, entries: Sequence[Any]) -> None:
        """Give out what was read."""
        taken = self._entries.deliveries(self._token, entries)
        self.in_hand.update({delivery.id: delivery for delivery in taken})
        taking, self._taking = self._taking, None
        if taking is not None:
            taking.callback(taken)

    def interrupt(self) -> Deferred[None]:
        """End a take that is out, with nothing."""
        taking, self._taking = self._taking, None
        if taking is not None:
            taking.callback([])
        return succeed(None)

    def settle(self, deliveries: Sequence[Delivery]) -> Deferred[list[Settled]]:
        """Acknowledge what was given out."""
        ids = [delivery.id for delivery in deliveries]
        for id in ids:
            self.in_hand.pop(id, None)
        try:
            if ids:
                self._broker.connection.call("XACK", self.stream, GROUP, *ids)
                self._broker.connection.call("XDEL", self.stream, *ids)
        except BrokerError:
            return fail()
        return succeed([Settled.WON] * len(ids))

    def hand_back(self, deliveries: Sequence[Delivery]) -> Deferred[None]:
        """Nobody else can have it: it is dead-lettered by :meth:`close`."""
        self.in_hand.clear()
        return succeed(None)

    def close(self) -> Deferred[None]:
        """Give the queue up; what it still holds is dead-lettered as ``gone``."""
        self._broker.inboxes.pop(self.stream, None)
        connection, layout = self._broker.connection, self._layout
        keys = [
            self.stream,
            layout.dead(self.queue),
            layout.beats,
            layout.instances,
            layout.token(self.queue),
            layout.delayed(self.queue),
        ]
        try:
            while (
                connection.run(_BURY, keys, [self.queue, self._broker.worker_id, "*", AT_ONCE])
                == AT_ONCE
            ):
                pass
        except BrokerError:
            return fail()
        return succeed(None)
