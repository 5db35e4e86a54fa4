"""How far a schedule has come, in the store of partition 0."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline.store import Store

__all__ = ["EntryState", "parsed", "read_schedule", "running_key", "schedule_key"]


class EntryState(msgspec.Struct, kw_only=True):
    """How far an entry has come. Times are in ms since the epoch, by the server's clock.

    :param position: the slots up to here are dealt with.
    :param when: its rhythm, in words.
    :param task: the task's name.
    :param due: the next slot; None if there are no more.
    :param fired: the last slot that was called; None: none yet.
    :param call: the id of that call.
    :param calls: how many slots were called.
    :param missed: how many came while no worker was there, and were not made up for.
    :param skipped: how many were left out since an earlier call had not ended, since a call of a
        unique task was there, or since middleware did not let the call pass.
    """

    position: int
    when: str
    task: str = ""
    due: int | None = None
    fired: int | None = None
    call: str = ""
    calls: int = 0
    missed: int = 0
    skipped: int = 0

    @property
    def fired_at(self) -> datetime | None:
        """The last slot that was called, in UTC."""
        return _time(self.fired)

    @property
    def due_at(self) -> datetime | None:
        """The next slot, in UTC."""
        return _time(self.due)

    def encoded(self) -> bytes:
        """The state for the store."""
        return msgspec.json.encode(self)


def parsed(raw: bytes | None) -> EntryState | None:
    """The state that the store has; None where there is none, or none that can be read."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=EntryState)
    except msgspec.DecodeError:
        return None


def schedule_key(connector: str) -> str:
    """The hash of a connector's schedule: an entry's name to its state."""
    return f"schedule:{connector}"


def running_key(call_id: str) -> str:
    """The value that is there while a call of a singleton has not ended."""
    return f"schedule_running:{call_id}"


async def read_schedule(broker: Any, connector: str) -> dict[str, EntryState]:
    """How far each entry of a connector's schedule has come, by its name.

    :raise BrokerError: the store can't be read.
    """
    found = await Store(broker.reader(0)).hgetall(schedule_key(connector))
    states = ((name.decode(), parsed(raw)) for name, raw in sorted(found.items()))
    return {name: state for name, state in states if state is not None}


def _time(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
