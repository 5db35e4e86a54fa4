"""Messages and events that are kept for a time, and can be asked for.

What Vumi's message store is for (0.6.19, ``vumi.components.message_store``); that one is on Riak,
keeps everything for good, and has batches where this one has tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.message import EventMessage, Message, UserMessage
from pipeline.signals import Signal, post_delete, post_save, pre_delete, pre_save
from pipeline.state.listing import Listing, together
from pipeline.state.unit import alone
from pipeline.store import Store

__all__ = ["PREFIX", "RETENTION", "MessageStore"]

#: What the keys begin with, and the seconds for which messages are kept, if nothing is said.
PREFIX, RETENTION = "message_store", 7 * 86_400.0

#: Seconds between two messages that are added at the same time by the clock.
TICK = 1e-6

#: A tag: its pool and its name.
Tag = Sequence[str]


class MessageStore:
    """Keeps messages, replies and events, and finds them again.

    What is kept can be asked for by any worker or program on the same namespace::

        messages = MessageStore(worker)
        talk = await messages.of_address("+27831234567").page(count=20)

    Messages are added through a unit of work, as ``delivery.store``, in the message's partition;
    :class:`~pipeline.middleware.message_storing.StoringMiddleware` does that. To add one again
    changes nothing but when it was stored last.

    :param worker: a worker, or a broker.
    :param prefix: what its keys in the store begin with.
    :param retention: seconds after which a message is forgotten. Lists drop what is older, a
        hundred with each message that is added to them. Who only asks gives the same, for counts.
    """

    def __init__(self, worker: Any, prefix: str = PREFIX, retention: float = RETENTION) -> None:
        self._broker = getattr(worker, "broker", worker)
        self._clock = self._broker.clock
        self._prefix = prefix
        self._retention = retention
        self._latest = 0.0

    # Adding ------------------------------------------------------------------------------------

    def add_inbound_message(
        self, store: Store, message: UserMessage, tag: Tag | None = None
    ) -> None:
        """Stage a message of a user.

        :param store: the unit of work.
        :param tag: its pool and its name.
        """
        self._add_message(store, "inbound", message, message.from_addr, tag)

    def add_outbound_message(
        self, store: Store, message: UserMessage, tag: Tag | None = None
    ) -> None:
        """Stage a message to a user; see :meth:`add_inbound_message`."""
        self._add_message(store, "outbound", message, message.to_addr, tag)

    async def add_event(self, store: Store, event: EventMessage) -> None:
        """Stage an event. It is listed under the tag of its message, if that is still kept."""
        lists = [f"events:{event.user_message_id}"]
        tag = await self._tag_of_subject(store, event)
        if tag is not None:
            lists.append(f"event:{tag}")
        self._save(store, "event", event.event_id, event, lists, tag)

    def _add_message(
        self, store: Store, kind: str, message: UserMessage, user: str | None, tag: Tag | None
    ) -> None:
        spelt = None if tag is None else _spelt(tag)
        lists = _lists(kind, user, message.in_reply_to, spelt)
        self._save(store, "message", message.message_id, message, lists, spelt)

    async def _tag_of_subject(self, store: Store, event: EventMessage) -> str | None:
        record = self._record("message", event.user_message_id)
        found = await store.hget(record, "tag")
        if found is None and self._broker.partitions > 1:  # an event from the edge
            found = await self._anywhere(record, "tag")
        return None if found is None else found.decode()

    def _save(
        self,
        store: Store,
        sort: str,
        name: str,
        message: Message,
        lists: list[str],
        tag: str | None,
    ) -> None:
        """All that is added passes here."""
        self._tell(pre_save, message)
        now, ttl = self._moment(), self._retention
        fields: dict[str, str | bytes | int | float] = {
            "message": message.to_json(),
            "lists": msgspec.json.encode(lists),
        }
        if tag is not None:
            fields["tag"] = tag
        store.hset(self._record(sort, name), fields, ttl)
        for each in lists:
            index = self._index(each)
            store.zadd(index, name, now, ttl)
            store.ztrim(index, now - ttl)
        self._tell(post_save, message)

    def _moment(self) -> float:
        """Now, and later than the last time: an answer comes after what it answers."""
        self._latest = max(self._clock.seconds(), self._latest + TICK)
        return self._latest

    # Asking ------------------------------------------------------------------------------------

    async def get_message(self, message_id: str) -> Message | None:
        """A message in either direction; None: it isn't kept."""
        return await self._get("message", message_id)

    async def get_event(self, event_id: str) -> Message | None:
        """An event; None: it isn't kept."""
        return await self._get("event", event_id)

    def of_address(self, address: str) -> Listing:
        """What a user has said and was told."""
        return self._listing(f"address:{address}")

    def inbound(self, tag: Tag) -> Listing:
        """What came in with a tag."""
        return self._listing(f"inbound:{_spelt(tag)}")

    def outbound(self, tag: Tag) -> Listing:
        """What went out with a tag."""
        return self._listing(f"outbound:{_spelt(tag)}")

    def events(self, tag: Tag) -> Listing:
        """Events about what went out with a tag."""
        return self._listing(f"event:{_spelt(tag)}", "event")

    def replies_to(self, message_id: str) -> Listing:
        """What answers a message, by its ``in_reply_to``."""
        return self._listing(f"replies:{message_id}")

    def events_of(self, message_id: str) -> Listing:
        """Events about a message."""
        return self._listing(f"events:{message_id}", "event")

    async def _get(self, sort: str, name: str) -> Message | None:
        raw = await self._anywhere(self._record(sort, name), "message")
        return None if raw is None else Message.from_json(raw)

    async def _anywhere(self, record: str, field: str) -> bytes | None:
        """A field of a record, in whichever partition it is."""
        reads = [reader.read("hget", record, field) for reader in self._readers()]
        return next((raw for raw in await together(reads) if raw is not None), None)

    # Removing ----------------------------------------------------------------------------------

    async def delete_message(self, message_id: str) -> bool:
        """Forget a message before its time, in a commit of its own. Its events stay.

        :return: whether it was kept.
        """

        async def work(store: Store) -> bool:
            kept = await store.hgetall(self._record("message", message_id))
            if kept:
                self._delete(store, "message", message_id, kept)
            return bool(kept)

        partitions = range(self._broker.partitions)
        found = [await alone(self._broker, number, work) for number in partitions]
        return any(found)

    def _delete(self, store: Store, sort: str, name: str, kept: dict[bytes, bytes]) -> None:
        """All that is deleted passes here."""
        self._tell_kept(pre_delete, kept)
        store.hclear(self._record(sort, name))
        for each in msgspec.json.decode(kept[b"lists"], type=list[str]):
            store.zrem(self._index(each), name)
        self._tell_kept(post_delete, kept)

    # Telling -----------------------------------------------------------------------------------

    def _tell(self, signal: Signal, message: Message) -> None:
        if signal.receivers:
            signal.send_robust(type(message), message=message, store=self)

    def _tell_kept(self, signal: Signal, kept: dict[bytes, bytes]) -> None:
        if signal.receivers:
            self._tell(signal, Message.from_json(kept[b"message"]))

    # Keys --------------------------------------------------------------------------------------

    def _record(self, sort: str, name: str) -> str:
        return f"{self._prefix}:{sort}:{name}"

    def _index(self, of: str) -> str:
        return f"{self._prefix}:list:{of}"

    def _listing(self, of: str, sort: str = "message") -> Listing:
        record = self._record(sort, "")
        return Listing(self._broker, self._index(of), record, self._retention)

    def _readers(self) -> list[Any]:
        return [self._broker.reader(number) for number in range(self._broker.partitions)]


def _lists(kind: str, user: str | None, answered: str | None, tag: str | None) -> list[str]:
    """The lists that a message is in."""
    named = (("address", user), ("replies", answered), (kind, tag))
    return [f"{what}:{name}" for what, name in named if name is not None]


def _spelt(tag: Tag) -> str:
    """A tag as one text, of which no two tags have the same."""
    return msgspec.json.encode(list(tag)).decode()
