"""What one process believes about who takes up the room of a rate limit.

The truth is in the store; a wrong belief costs a look there, or a short wait, and no more.
"""

from __future__ import annotations

from heapq import heappop, heappush

__all__ = ["Places"]

#: For how many windows ahead messages are put off at the most.
FARTHEST = 100


class Places:
    """The places of one key: as many as messages may take effect within a window of time.

    :param limit: how many there are.
    :param per: the window, in seconds.
    :param first: which one to take first; processes that begin at different ones seldom meet.
    """

    __slots__ = (
        "_ends",
        "_first",
        "_free",
        "_fresh",
        "_holders",
        "_limit",
        "_next",
        "_per",
        "_until",
    )

    def __init__(self, limit: int, per: float, first: int) -> None:
        self._limit = limit
        self._per = per
        self._first = first
        self._fresh = 0
        self._free: list[int] = []
        self._ends: list[tuple[float, int, str]] = []
        self._until: dict[int, float] = {}
        self._holders: dict[str, int] = {}
        self._next = 0.0

    def choose(self, holder: str, now: float) -> int | None:
        """A place that is believed to be free, and from now on to be taken.

        :param holder: the message. If it has had a place it gets that one, once: its first run has
            not come to an end, or has failed.
        :return: None when all are taken.
        """
        place = self._holders.pop(holder, None)
        if place is None:
            place = self._another(now)
        if place is not None:
            self.take(place, now + self._per, holder)
            self._holders[holder] = place
        return place

    def disappoint(self, holder: str, place: int, since: float, now: float) -> None:
        """A place that was chosen is another's.

        :param since: when the other was let through, by its own clock.
        """
        self._holders.pop(holder, None)
        self.take(place, max(since + self._per, now + self._per / 20), "")

    def take(self, place: int, until: float, holder: str) -> None:
        """Believe that a place is taken."""
        self._until[place] = until
        heappush(self._ends, (until, place, holder))

    def put_off(self, now: float) -> float:
        """When to come again, in seconds from now; each time for another message.

        The first may come when there is room, the others one after another as fast as allowed.
        """
        room = self._ends[0][0] if self._ends else now
        due = min(max(room, self._next), now + FARTHEST * self._per)
        self._next = due + self._per / self._limit
        return max(0.0, due - now)

    def _another(self, now: float) -> int | None:
        ends = self._ends
        while ends and ends[0][0] <= now:
            self._left(*heappop(ends))
        if self._free:
            return self._free.pop()
        if self._fresh == self._limit:
            return None
        self._fresh += 1
        return (self._first + self._fresh) % self._limit

    def _left(self, until: float, place: int, holder: str) -> None:
        if self._holders.get(holder) == place:
            del self._holders[holder]
        if self._until.get(place) == until:
            del self._until[place]
            self._free.append(place)
