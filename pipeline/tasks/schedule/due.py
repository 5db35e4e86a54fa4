"""What is to be done about the slots that have come: a decision, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.tasks.schedule.when import When, newest, slots

if TYPE_CHECKING:
    from pipeline.tasks.schedule.entry import Entry

__all__ = ["COUNTED", "ON_TIME", "Due", "decide"]

#: So late a slot is not missed yet, in ms: it may be that a worker has died and others come in.
ON_TIME = 10_000

#: So many missed slots are counted at a time, at the most.
COUNTED = 1000


class Due(NamedTuple):
    """What is to be done.

    :param position: the slots up to this one are dealt with then, in ms since the epoch.
    :param slot: the one to be called; None: none.
    :param missed: how many have come and are not called; no more than about :data:`COUNTED`.
    """

    position: int
    slot: int | None
    missed: int


def decide(entry: Entry, since: int, now: int) -> Due | None:
    """Say which slot of an entry is to be called now, and which are not called any more.

    There may be more of them afterwards: ask again from the position on.

    :param since: the slots up to here are dealt with, in ms since the epoch.
    :param now: likewise.
    :return: None: there is nothing to be done yet.
    """
    first = entry.when.after(since)
    if first is None or first > now:
        return None
    slot = _CHOICES[entry.missed](entry, since, now)
    last = slot if slot is not None else newest(entry.when, since, now)
    assert last is not None  # the first one is there
    passed = len(slots(entry.when, since, last, COUNTED))
    return Due(last, slot, passed - (slot is not None))


def _all(entry: Entry, since: int, now: int) -> int | None:
    window = max(ON_TIME, round(entry.catch_up * 1000))
    return _first(entry.when, max(since, now - window - 1), now)


def _last(entry: Entry, since: int, now: int) -> int | None:
    slot = _skip(entry, since, now)
    if slot is not None:
        return slot
    return newest(entry.when, max(since, now - round(entry.catch_up * 1000) - 1), now)


def _skip(entry: Entry, since: int, now: int) -> int | None:
    return _first(entry.when, max(since, now - ON_TIME - 1), now)


def _first(when: When, since: int, until: int) -> int | None:
    return next(iter(slots(when, since, until, 1)), None)


_CHOICES = {"all": _all, "last": _last, "skip": _skip}
