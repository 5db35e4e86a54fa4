"""Which connections may be open, and what those of one client have in common."""

from __future__ import annotations

from typing import Any

from pipeline.identity.peers import Shares, network_of
from pipeline.transports.statistics import Statistics

__all__ = ["Admission", "peer_of"]


def peer_of(address: Any) -> str:
    """What the connections of one client have in common.

    :param address: an IAddress, as ``transport.getPeer()`` gives it.
    :return: its IP address; of IPv6 the network of 64 bits, which one client has to itself; ``""``
        for what has none, as a unix socket.
    """
    host = getattr(address, "host", None)
    return network_of(host) if isinstance(host, str) else ""


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
