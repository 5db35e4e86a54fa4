"""A status as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TextIO

from pipeline.cli.table import Table, span, visible

__all__ = ["picture", "queue_lines"]

_WORKERS = ("WORKERS", "HOST", "PID", "STATE", "BEAT", "SINCE", "IN HAND", "READS")
_QUEUES = ("QUEUE", "WAITING", "IN HAND", "DELAYED", "DEAD", "OLDEST", "IN/S", "OUT/S", "READERS")
_COUNTS = ("waiting", "in_hand", "delayed", "dead")


def picture(found: dict[str, Any], stream: TextIO, *, partitions: bool = False) -> list[str]:
    """A status as lines for a person.

    :param found: as of :func:`pipeline.observe.status.status_of`.
    :param stream: where they will be printed: on a terminal no line is longer than that is wide.
    :param partitions: whether to have a line for each partition.
    """
    return [
        *_workers(found, stream),
        "",
        *queue_lines(found["queues"], stream, partitions=partitions),
    ]


def _workers(found: dict[str, Any], stream: TextIO) -> Iterator[str]:
    workers = found["workers"]
    now = _seconds(found["at"])
    if workers:
        yield from Table(stream, _WORKERS).lines([_worker(each, now) for each in workers])
    states = Counter(each["state"] for each in workers)
    told = [f"{states[state]} {state}" for state in ("alive", "late", "dead") if states[state]]
    clients = _some(found["clients"], "client")
    yield (
        f"{_some(len(workers), 'process')}: {', '.join(told)}; {clients}"
        if told
        else (f"no worker runs; {clients}")
    )


def _worker(worker: dict[str, Any], now: float) -> Sequence[str]:
    return (
        ", ".join(worker["workers"]),
        worker["host"],
        str(worker["pid"]),
        worker["state"],
        f"{span(worker['beat_age'])} ago",
        "-" if worker["since"] is None else f"{span(now - _seconds(worker['since']))} ago",
        str(worker["in_hand"]),
        ", ".join(worker["reads"]) or "-",
    )


def queue_lines(
    queues: Sequence[dict[str, Any]], stream: TextIO, *, partitions: bool = False
) -> Iterator[str]:
    """Queues as lines, then how many there are; which ones are paused stands behind them.

    :param queues: as of :func:`pipeline.observe.status.status_of`.
    """
    rows = [row for queue in queues for row in _queue(queue, partitions)]
    if rows:
        yield from Table(stream, _QUEUES).lines(rows)
    totals = [f"{sum(queue[name] for queue in queues)} {name}" for name in _COUNTS]
    yield f"{_some(len(queues), 'queue')}: {', '.join(totals).replace('_', ' ')}"
    for queue in queues:
        if queue["paused"]:
            yield _paused(queue["queue"], queue["paused"])


def _queue(queue: dict[str, Any], partitions: bool) -> Iterator[Sequence[str]]:
    name = f"{queue['queue']} (paused)" if queue["paused"] else queue["queue"]
    yield _row(name, queue)
    if partitions:
        yield from (_row(f"  partition {p['partition']}", p) for p in queue["partitions"])


def _row(name: str, told: dict[str, Any]) -> Sequence[str]:
    oldest = told["oldest_age"]
    return (
        name,
        *(str(told[count]) for count in _COUNTS),
        "-" if oldest is None else span(oldest),
        _rate(told["in_per_second"]),
        _rate(told["out_per_second"]),
        str(len(told["readers"])),
    )


def _paused(queue: str, pause: dict[str, Any]) -> str:
    when = datetime.fromisoformat(pause["since"]).strftime("%Y-%m-%d %H:%M:%S UTC")
    why = f": {pause['reason']}" if pause["reason"] else ""
    return visible(f"{queue} is paused by {pause['by']} since {when}{why}")


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1f}" if rate < 100 else f"{rate:.0f}"


def _some(count: int, what: str) -> str:
    plural = {"process": "processes"}.get(what, f"{what}s")
    return f"{count} {what if count == 1 else plural}"


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
