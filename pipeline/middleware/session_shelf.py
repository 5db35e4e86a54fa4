"""Where sessions lie in the store, and how one is read and kept."""

from __future__ import annotations

from typing import Any

from pipeline.delivery import delivery_of
from pipeline.errors import Conflict, RetryLater
from pipeline.state.partition import partition_of
from pipeline.store import Store

__all__ = ["Shelf"]

#: Seconds after which a message is handled again whose session another one has changed meanwhile.
AGAIN = 0.05


class Shelf:
    """The place of one session, for the handling of one request.

    In the partition of the message that is handled, all that is kept commits with its settlement.
    A session in another partition is kept before that, in a unit of work of its own.

    :param broker: the store's.
    :param message: the message that is handled, or None.
    :param key: the key in the store.
    :param owner: what the sessions of one partition have in common.
    """

    def __init__(self, broker: Any, message: Any, key: str, owner: str) -> None:
        self.key = key
        partition = partition_of(owner, broker.partitions)
        delivery = delivery_of(message)
        if delivery is None or delivery.settled or delivery.partition != partition:
            self._is_own, self._store = True, Store(broker.reader(partition))
        else:
            self._is_own, self._store = False, delivery.store

    async def read(self) -> bytes | None:
        """What is kept there. That others change it meanwhile matters only to who changes it."""
        return await self._store.peek(self.key)

    async def keep(self, value: bytes, before: bytes | None, seconds: float) -> None:
        """Keep a value, if nobody has changed what was there before.

        :raise RetryLater: somebody has.
        """
        self._store.expect(self.key, before)
        self._store.set(self.key, value, seconds)
        await self._done()

    async def forget(self, before: bytes | None) -> None:
        """Keep nothing there any more; see :meth:`keep`."""
        self._store.expect(self.key, before)
        self._store.delete(self.key)
        await self._done()

    async def prolong(self, seconds: float) -> None:
        """Keep what is there for so long from now on."""
        self._store.expire("v", self.key, seconds)
        await self._done()

    async def _done(self) -> None:
        if not self._is_own:
            return
        try:
            await self._store.commit()
        except Conflict:
            raise RetryLater(AGAIN, "the session was changed by another request") from None
