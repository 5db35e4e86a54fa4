"""How often clients of an address have failed lately."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

__all__ = ["Failures"]

#: How many addresses are remembered; those that have not failed for longest are forgotten first.
MOST_PEERS = 10_000


class Failures:
    """Counts failures of each peer within a window that begins with the first.

    :param limit: so many, and the peer is refused until its window is over; 0: never.
    :param window: seconds.
    :param clock: the reactor.
    """

    def __init__(self, limit: int, window: float, clock: Any) -> None:
        self._limit = limit
        self._window = window
        self._clock = clock
        self._peers: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._peers)

    def seconds_left(self, peer: str) -> int:
        """How long the peer is refused, in whole seconds; 0: it is not."""
        until, count = self._now(peer)
        if not self._limit or count < self._limit:
            return 0
        return max(1, math.ceil(until - float(self._clock.seconds())))

    def count(self, peer: str) -> bool:
        """The peer has failed.

        :return: whether it is refused from now on.
        """
        if not self._limit:
            return False
        until, count = self._now(peer)
        self._peers[peer] = (until, count + 1)
        self._peers.move_to_end(peer)
        while len(self._peers) > MOST_PEERS:
            self._peers.popitem(last=False)
        return count + 1 == self._limit

    def _now(self, peer: str) -> tuple[float, int]:
        now: float = self._clock.seconds()
        until, count = self._peers.get(peer, (0.0, 0))
        return (until, count) if until > now else (now + self._window, 0)
