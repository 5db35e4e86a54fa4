"""Who is at the other end, and how much each may have."""

from __future__ import annotations

import ipaddress
from collections import Counter

__all__ = ["Shares", "network_of"]


def network_of(host: str) -> str:
    """What the addresses of one client have in common.

    :param host: an IP address, or anything else.
    :return: the address; of IPv6 the network of 64 bits, which one client has to itself.
    """
    if ":" not in host:
        return host
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
