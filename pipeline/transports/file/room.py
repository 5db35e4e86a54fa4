"""Waits for room in a queue before anything is read that should go there."""

from __future__ import annotations

from typing import Any

from pipeline.transports.file.rest import Rest

__all__ = ["Room"]

#: Seconds between two looks, the shortest and the longest.
SHORTEST, LONGEST = 0.01, 0.2


class Room:
    """Knows how much may go on a queue.

    :param broker: an :class:`~pipeline.interfaces.IBroker`.
    :param queue: the queue's name.
    :param max_depth: how many messages it may hold in each partition; 0: any number.
    :param rest: for the pauses.
    """

    def __init__(self, broker: Any, queue: str, max_depth: int, rest: Rest) -> None:
        self._broker = broker
        self._queue = queue
        self._most = max_depth * broker.partitions
        self._rest = rest

    async def wait(self, wanted: int) -> int:
        """Wait until there is room.

        :param wanted: for how many messages, at most.
        :return: for how many there is, at least one; 0 when all is over.
        :raise BrokerError: the queue can't be looked at.
        """
        pause = SHORTEST
        while not self._rest.is_over:
            room = await self._room() if self._most else wanted
            if room > 0:
                return min(wanted, room)
            await self._rest.take(pause)
            pause = min(LONGEST, pause * 2)
        return 0

    async def _room(self) -> int:
        depth = await self._broker.depth(self._queue)
        return self._most - depth.waiting - depth.in_hand  # type: ignore[no-any-return]  # a Depth
