"""Sessions: what is remembered about each user from one message to the next."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from pipeline.delivery import Delivery
from pipeline.state.listing import together
from pipeline.state.unit import State
from pipeline.store import Store

__all__ = ["SessionManager"]

#: How many users are looked up at a time.
PAGE = 500

Value = str | int | float


class SessionManager:
    """A hash of texts for each user; names and behaviour are Vumi's.

    (0.6.19, ``vumi.components.session.SessionManager``.) With a delivery in hand everything goes
    through its unit of work: a session changes when, and only if, the message is settled. With
    none, each call is committed by itself.

    A user's id should be the ordering key of the user's messages, as the address is by default:
    with several partitions that is where a session is looked for when no delivery is in hand.

    :param worker: gives the broker.
    :param max_session_length: seconds after its creation in which a session ends; None: never.
        (In Vumi a session that is saved without having been created lives for good; here it
        begins when it is first saved.)
    :param key_prefix: what its keys in the store begin with: one for each manager.
    """

    def __init__(
        self,
        worker: Any,
        max_session_length: float | None = None,
        key_prefix: str = "session_manager",
        *,
        delivery: Delivery | None = None,
    ) -> None:
        self._worker = worker
        self._broker = worker.broker
        self._state = State(worker)
        self._delivery = delivery
        self._prefix = key_prefix
        self._active = f"{key_prefix}:active"
        self.max_session_length = max_session_length

    def within(self, delivery: Delivery) -> SessionManager:
        """The same for code that runs outside of its handler's context, as a plain callback."""
        return SessionManager(
            self._worker, self.max_session_length, self._prefix, delivery=delivery
        )

    async def create_session(self, user_id: str, /, **fields: Value) -> dict[str, str]:
        """Begin a session; what the user's last one held is gone.

        :param fields: what it holds; ``created_at``, in seconds since the epoch, if not given.
        :return: the session.
        """
        held = {"created_at": self._broker.clock.seconds(), **fields}

        async def work(store: Store) -> dict[str, str]:
            store.hclear(self._key(user_id))
            self._begin(store, user_id, held)
            return _texts(await store.hgetall(self._key(user_id)))

        return await self._state.for_key(user_id, work, self._delivery)

    async def load_session(self, user_id: str) -> dict[str, str]:
        """A user's session; empty when there is none."""

        async def work(store: Store) -> dict[str, str]:
            return _texts(await store.hgetall(self._key(user_id)))

        return await self._state.for_key(user_id, work, self._delivery)

    async def save_session(self, user_id: str, session: Mapping[str, Value]) -> Mapping[str, Value]:
        """Set fields of a user's session; others stay. What is no text becomes one.

        :return: what was given.
        """

        async def work(store: Store) -> None:
            if await store.hgetall(self._key(user_id)):
                store.hset(self._key(user_id), session)
            else:
                self._begin(store, user_id, session)

        await self._state.for_key(user_id, work, self._delivery)
        return session

    async def clear_session(self, user_id: str) -> None:
        """End a user's session."""

        async def work(store: Store) -> None:
            store.hclear(self._key(user_id))
            store.zrem(self._active, user_id)

        await self._state.for_key(user_id, work, self._delivery)

    async def schedule_session_expiry(self, user_id: str, timeout: float) -> None:
        """Let a user's session end.

        :param timeout: seconds from now.
        """

        async def work(store: Store) -> None:
            if await store.hgetall(self._key(user_id)):
                store.expire("h", self._key(user_id), timeout)
                store.zadd(self._active, user_id, self._broker.clock.seconds() + timeout)

        await self._state.for_key(user_id, work, self._delivery)

    async def active_sessions(self) -> list[tuple[str, dict[str, str]]]:
        """All sessions with their users' ids, as they are committed, from all partitions.

        It reads every session: for an operator or a report, not for each message.
        """
        partitions = range(self._broker.partitions)
        return [each for number in partitions for each in await self._active_in(number)]

    async def _active_in(self, partition: int) -> list[tuple[str, dict[str, str]]]:
        reader = self._broker.reader(partition)
        found: list[tuple[str, dict[str, str]]] = []
        for at in itertools.count(0, PAGE):
            users = await reader.read("zrange", self._active, at, at + PAGE - 1, False)
            names = [user.decode() for user in users]
            held = await together([reader.read("hgetall", self._key(name)) for name in names])
            # Who has ended is in the list until the next session begins.
            found += [(name, _texts(raw)) for name, raw in zip(names, held, strict=True) if raw]
            if len(names) < PAGE:
                break
        return found

    def _begin(self, store: Store, user_id: str, fields: Mapping[str, Value]) -> None:
        now = self._broker.clock.seconds()
        length = self.max_session_length
        store.hset(self._key(user_id), fields, length)
        store.zadd(self._active, user_id, math.inf if length is None else now + length)
        store.ztrim(self._active, now)

    def _key(self, user_id: str) -> str:
        return f"{self._prefix}:session:{user_id}"


def _texts(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in raw.items()}
