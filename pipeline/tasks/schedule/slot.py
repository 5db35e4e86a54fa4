"""A slot as a unit of work: the call is published and the position moved, or neither is."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pipeline.delivery import Delivery, current
from pipeline.errors import BrokerError, Conflict, PipelineError
from pipeline.tasks.schedule.due import Due
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.state import EntryState, parsed, running_key, schedule_key

__all__ = ["SLOT", "Slot", "ended", "slot_of"]

#: What the call of a slot has in its ``helper_metadata``: ``name`` of the entry, ``slot`` in ms.
SLOT = "schedule"


class Slot:
    """What is due of an entry, to be taken.

    Sending the call is handled as a message would be: it passes the worker's middleware, and what
    that stages and reads belongs to the same step. The ids of what is sent derive from the slot.

    :param connector: whose schedule it is.
    :param entry: the entry.
    :param state: what the store had when ``due`` was decided.
    :param due: what is to be done.
    """

    log = Logger("pipeline.tasks.schedule")

    def __init__(self, connector: str, entry: Entry, state: EntryState, due: Due) -> None:
        #: What :attr:`pipeline.delivery.Delivery.idempotency_key` is made of.
        self.message_id = f"{schedule_key(connector)}:{entry.name}:{due.slot}"
        self._key = schedule_key(connector)
        self._entry = entry
        self._state = state
        self._due = due

    async def take(self, client: Any, reader: Any) -> EntryState:
        """Call the slot, unless an earlier call has not ended, and move the position.

        :return: what the store has now.
        :raise Conflict: somebody else has.
        :raise BrokerError: it may have happened, or not.
        """
        delivery = Delivery(self._key, b"", b"", reader=reader)
        delivery.message = self
        if parsed(await delivery.store.hget(self._key, self._entry.name)) != self._state:
            raise Conflict
        after = self._moved()
        if self._due.slot is not None:
            # In a context of its own, which ends with it.
            await Deferred.fromCoroutine(self._call(client, delivery, after))
        delivery.store.hset(self._key, {self._entry.name: after.encoded()})
        await delivery.store.commit(delivery.posts)
        return after

    def _moved(self) -> EntryState:
        state, entry, due = self._state, self._entry, self._due
        return msgspec.structs.replace(
            state,
            position=due.position,
            when=str(entry.when),
            task=entry.task.name,
            due=entry.when.after(due.position),
            missed=state.missed + due.missed,
        )

    async def _call(self, client: Any, delivery: Delivery, after: EntryState) -> None:
        if await self._is_held_up(delivery):
            after.skipped += 1
            return
        current.set(delivery)
        entry = self._entry
        told = {SLOT: {"name": entry.name, "slot": self._due.slot}}
        try:
            handle = await client.send(entry.task, entry.args, entry.kwargs, helper_metadata=told)
        except PipelineError as error:
            if delivery.posts or isinstance(error, BrokerError):
                raise
            after.skipped += 1
            self.log.warn("schedule {name!r}: not called: {error}", name=entry.name, error=error)
            return
        if not handle.is_new:  # a unique task, of which another call is there
            after.skipped += 1
            return
        after.fired, after.call, after.calls = self._due.slot, handle.id, after.calls + 1
        if entry.singleton:
            delivery.store.set(running_key(handle.id), b"1", ttl=entry.patience)

    async def _is_held_up(self, delivery: Delivery) -> bool:
        last = self._state.call
        if not self._entry.singleton or not last:
            return False
        return await delivery.store.get(running_key(last)) is not None


def slot_of(message: Any) -> int | None:
    """The slot that a call is for, in ms since the epoch; None: it is for none."""
    told = message.helper_metadata.get(SLOT)
    if told is None:
        return None
    slot = told.get("slot") if isinstance(told, dict) else None
    return slot if type(slot) is int else None


def ended(message: Any, delivery: Delivery) -> None:
    """Stage that a call has ended, for the next one of a singleton; nothing for any other call."""
    if SLOT in message.helper_metadata:
        delivery.store.delete(running_key(message.message_id))
