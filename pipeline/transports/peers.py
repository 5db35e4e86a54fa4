"""Who is at the other end, and how much each may have."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Any

from pipeline.transports.statistics import Statistics

__all__ = ["Admission", "Shares", "peer_of"]


def peer_of(address: Any) -> str:
    """What the connections of one client have in common.

    :param address: an IAddress, as ``transport.getPeer()`` gives it.
    :return: its IP address; of IPv6 the network of 64 bits, which one client has to itself; ``""``
        for what has none, as a unix socket.
    """
    host = getattr(address, "host", None)
    if not isinstance(host, str) or ":" not in host:
        return host if isinstance(host, str) else ""
    try:
        found = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))


class Shares:
    """How many of a bounded thing each may have at a time.

    :param limit: so many each; 0: any number.
    """

    __slots__ = ("_taken", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken: Counter[str] = Counter()

    def __getitem__(self, who: str) -> int:
        return self._taken[who]

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, who: str) -> bool:
        """Take one, if there is one left for them; each is followed by one :meth:`give_back`."""
        if self.limit and self._taken[who] >= self.limit:
            return False
        self._taken[who] += 1
        return True

    def give_back(self, who: str) -> None:
        """Give back one that was taken."""
        self._taken[who] -= 1
        if self._taken[who] <= 0:
            del self._taken[who]


class Admission:
    """Which connections may be open: so many, and so many of one address.

    :param most: connections at a time.
    :param most_each: of one address; 0: any number.
    :param statistics: counts ``connections`` and ``refused``, and has ``connections_open``.
    """

    def __init__(self, most: int, most_each: int, statistics: Statistics) -> None:
        self._most = most
        self._each = Shares(most_each)
        self._open = 0
        self._statistics = statistics
        statistics.gauge("connections_open", lambda: self._open)

    def __len__(self) -> int:
        return self._open

    def admit(self, peer: str) -> bool:
        """Whether one more may be open; if so, it counts until it is :meth:`closed`."""
        if self._open >= self._most or not self._each.take(peer):
            self._statistics.count("refused")
            return False
        self._open += 1
        self._statistics.count("connections")
        return True

    def closed(self, peer: str) -> None:
        """One that was admitted is gone."""
        self._open -= 1
        self._each.give_back(peer)
