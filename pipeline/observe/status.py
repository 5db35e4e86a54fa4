"""How a namespace is: its workers and queues, at one moment, or between two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pipeline.operating import Pause, QueueSeen, WorkerSeen

__all__ = ["Look", "look", "status_of"]

#: Seconds without a beat after which a worker is late: it beats every second.
LATE_AFTER = 3.0


class Look(NamedTuple):
    """What was seen at one moment.

    :param at: when, on the server's clock, in ms.
    :param workers: who beats, and who died lately.
    :param queues: the queues, each partition apart.
    :param pauses: which of them are paused.
    """

    at: int
    workers: Sequence[WorkerSeen]
    queues: Sequence[QueueSeen]
    pauses: Sequence[Pause]


async def look(broker: Any, queues: Iterable[str] = ()) -> Look:
    """Look at a namespace.

    :param broker: an :class:`pipeline.interfaces.IBroker`.
    :param queues: names of queues besides those that were ever read.
    :raise BrokerError: there is no server now, or it refuses.
    """
    overseer = broker.overseer()
    known, workers = await overseer.queues(), await overseer.workers()
    pauses = await overseer.pauses()
    names = sorted({*known, *queues, *(pause.queue for pause in pauses)})
    seen = await overseer.look(names)
    return Look(await broker.now(), workers, seen, pauses)


def status_of(
    now: Look,
    before: Look | None = None,
    *,
    dead_after: float,
    wanted: Collection[str] | None = None,
    me: str = "",
) -> dict[str, Any]:
    """A look as values that JSON can hold: ``at``, ``workers``, ``clients`` and ``queues``.

    Times are ISO 8601 in UTC, ages in seconds. ``in_per_second`` and ``out_per_second`` are what
    came and what went between two looks; null with one look, or where the server doesn't count.

    :param before: an earlier look.
    :param dead_after: seconds without a beat after which a worker counts as dead.
    :param me: who looks, and is no client.
    :param wanted: queues that are told of though nothing is in them; None: all.
    """
    held = _held(now.queues)
    workers = [_worker(each, now.at, dead_after, held[each.id]) for each in now.workers]
    living = {each["id"] for each in workers if each["state"] != "dead"}
    queues = _queues(now, before, living)
    if wanted is not None:
        queues = [each for each in queues if each["queue"] in wanted or _is_alive(each)]
    return {
        "at": _iso(now.at),
        "workers": sorted(
            (each for each in workers if each["workers"]),
            key=lambda each: (each["workers"], each["id"]),
        ),
        "clients": sum(
            not each["workers"] and each["state"] != "dead" and each["id"] != me for each in workers
        ),
        "queues": queues,
    }


def _is_alive(queue: dict[str, Any]) -> bool:
    counts = (queue[name] for name in ("waiting", "in_hand", "delayed", "dead"))
    return bool(any(counts) or queue["readers"] or queue["paused"])


# Workers -----------------------------------------------------------------------------------------


def _held(queues: Iterable[QueueSeen]) -> dict[str, dict[str, int]]:
    """Worker -> queue -> how many it has in hand of it."""
    held: dict[str, dict[str, int]] = defaultdict(dict)
    for each in queues:
        for worker, count in each.readers.items():
            held[worker][each.queue] = held[worker].get(each.queue, 0) + count
    return held


def _worker(seen: WorkerSeen, now: int, dead_after: float, held: dict[str, int]) -> dict[str, Any]:
    age = max(0.0, (now - seen.beat) / 1000)
    return {
        "id": seen.id,
        "workers": list(seen.workers),
        "host": seen.host,
        "pid": seen.pid,
        "state": _state(seen, age, dead_after),
        "beat_age": age,
        "since": _iso(seen.since) if seen.since else None,
        "died_at": _iso(seen.died) if seen.died else None,
        "in_hand": sum(held.values()),
        "reads": sorted(held),
    }


def _state(seen: WorkerSeen, age: float, dead_after: float) -> str:
    if seen.died or age >= dead_after:
        return "dead"
    return "late" if age >= min(LATE_AFTER, dead_after / 2) else "alive"


# Queues ------------------------------------------------------------------------------------------


def _queues(now: Look, before: Look | None, living: set[str]) -> list[dict[str, Any]]:
    paused = {each.queue: _pause(each) for each in now.pauses}
    earlier = {} if before is None else {each[:2]: each for each in before.queues}
    seconds = 0.0 if before is None else (now.at - before.at) / 1000
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in now.queues:
        parts = _partition(each, now.at, earlier.get(each[:2]), seconds)
        parts["readers"] = sorted(living & each.readers.keys())
        grouped[each.queue].append(parts)
    return [
        {
            "queue": queue,
            **_whole(parts),
            "paused": paused.get(queue),
            "partitions": parts,
        }
        for queue, parts in grouped.items()
    ]


def _partition(
    seen: QueueSeen, now: int, before: QueueSeen | None, seconds: float
) -> dict[str, Any]:
    came, went = _rates(seen, before, seconds)
    return {
        "partition": seen.partition,
        "waiting": seen.waiting,
        "in_hand": seen.in_hand,
        "delayed": seen.delayed,
        "dead": seen.dead,
        "oldest_age": None if seen.oldest is None else max(0.0, (now - seen.oldest) / 1000),
        "next_due_in": None if seen.due is None else (seen.due - now) / 1000,
        "in_per_second": came,
        "out_per_second": went,
    }


def _rates(
    seen: QueueSeen, before: QueueSeen | None, seconds: float
) -> tuple[float | None, float | None]:
    """How many came and went a second; None where that is not known."""
    if before is None or seen.added is None or before.added is None or seconds <= 0:
        return None, None
    came = seen.added - before.added
    went = came - (seen.waiting + seen.in_hand) + (before.waiting + before.in_hand)
    if came < 0 or went < 0:  # it was lost meanwhile, with all its numbers
        return None, None
    return came / seconds, went / seconds


def _whole(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """A queue over all its partitions."""
    oldest = [each["oldest_age"] for each in parts if each["oldest_age"] is not None]
    due = [each["next_due_in"] for each in parts if each["next_due_in"] is not None]
    return {
        **{name: sum(p[name] for p in parts) for name in ("waiting", "in_hand", "delayed", "dead")},
        "oldest_age": max(oldest, default=None),
        "next_due_in": min(due, default=None),
        **{name: _sum(p[name] for p in parts) for name in ("in_per_second", "out_per_second")},
        "readers": sorted({reader for each in parts for reader in each["readers"]}),
    }


def _sum(rates: Iterable[float | None]) -> float | None:
    known = list(rates)
    return None if None in known else sum(rate for rate in known if rate is not None)


def _pause(pause: Pause) -> dict[str, Any]:
    return {"by": pause.by, "since": _iso(pause.since), "reason": pause.reason}


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
