"""From the points of a trail to the way of one request: rows of time that add up to the whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.observe.trail import Point
from pipeline.outcome import Retry

__all__ = ["Row", "rows"]

#: Who has a message while it passes a stack, by kind and direction.
_PLACES = {
    ("inbound", "publish"): "web",
    ("inbound", "consume"): "work",
    ("outbound", "publish"): "work",
    ("outbound", "consume"): "web",
}


class Row(NamedTuple):
    """A stretch of the way.

    :param place: ``web``, ``work`` or ``Redis``.
    :param what: what happened there.
    :param seconds: how long it took.
    :param is_middleware: whether it was a middleware.
    """

    place: str
    what: str
    seconds: float
    is_middleware: bool = False


def rows(points: Iterable[Point], start: float, end: float) -> list[Row]:
    """The way of a request, without gaps.

    :param points: what happened to the message and its answers, in order.
    :param start: when the request was sent, on the trail's clock.
    :param end: when its answer was there.
    """
    made: list[Row] = []
    between = 0.0
    now, before = start, "start"
    for point in points:
        step = _step(point)
        began = point.at - point.took
        if step is None or began > end:
            continue
        named = _GAPS.get((before, step))
        gap = max(0.0, began - now)
        if named is None:
            between += gap
        else:
            made.append(Row(named[0], named[1], gap))
        if point.event == "middleware":
            made.append(_middleware(point))
        now, before = point.at, step
    made.append(Row("web", "writes the answer", max(0.0, end - now)))
    if between:
        made.append(Row("", "between these: encoding, decoding, looking up", between))
    return made


def _middleware(point: Point) -> Row:
    name, _, direction = point.name.rpartition(" ")
    place = _PLACES[point.kind, direction]
    return Row(place, f"{direction:<8} {name}", point.took, True)


def _step(point: Point) -> str | None:
    """What a point is, to the rules below; None if it is no part of the way."""
    if point.kind not in ("inbound", "outbound"):
        return None
    if point.event == "middleware":
        return f"{point.kind} {point.name.rpartition(' ')[2]}"
    if point.event == "settled":
        if point.kind == "outbound":
            return None
        return "put off" if isinstance(point.outcome, Retry) else "settled"
    if point.event == "failed":
        return "failed"
    # That a request is stored may be known here later than who reads it has it.
    told = point.event == "received" or (point.kind, point.event) == ("outbound", "published")
    return f"{point.kind} {point.event}" if told else None


_ENTERED = ("inbound received", "inbound consume")
_LEAVING = ("outbound publish", "outbound published")
_READS = ("web", "reads the request")
_HANDLES = ("work", "handler")
_FAILS = ("work", "handler fails")
_SETTLES = ("Redis", "settles it and takes the answer, in one step")

#: (from, to) -> what goes on in between. Other gaps are the machinery's own.
_GAPS: dict[tuple[str, str], tuple[str, str]] = {
    ("start", "inbound publish"): _READS,
    ("inbound publish", "inbound received"): ("Redis", "stores it and hands it on"),
    ("start", "inbound received"): ("web", "reads the request, and Redis hands it on"),
    **{(entered, leaving): _HANDLES for entered in _ENTERED for leaving in _LEAVING},
    **{(entered, "settled"): ("work", "handler, and Redis settles it") for entered in _ENTERED},
    **{(entered, "failed"): _FAILS for entered in _ENTERED},
    ("failed", "put off"): ("Redis", "settles it: to be tried again"),
    ("put off", "inbound received"): ("Redis", "keeps it until it is due"),
    ("outbound published", "outbound received"): _SETTLES,
    ("outbound published", "settled"): _SETTLES,
    ("settled", "outbound received"): ("Redis", "carries the answer"),
}
