"""A picture of a system in characters, for a terminal.

It is a band for each two workers that have queues between them: the one nearer to the world stands
on the left, and a line for each queue says what a message passes on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.explain.graph import Graph, Lane, Node

__all__ = ["ASCII", "picture"]

#: How the picture is drawn where there are no box characters.
ASCII = str.maketrans("┌┐└┘─│▶◀…", "++++-|><~")

_WORLD = ("world ──▶", "      ◀──")
_NOBODY = "(nobody here)"
#: Who is at the other end of who runs tasks: programs that call them.
_CALLERS = "(callers)"
#: The narrowest that a picture gets.
NARROWEST = 80
#: The least that is shown of middlewares on one side of a queue.
_LEAST = 3


def picture(graph: Graph, width: int) -> Iterator[str]:
    """The picture, line by line.

    :param width: of a line, in characters; names are cut to keep to it, as far as that can be.
    """
    width = max(width, NARROWEST)
    for number, ((left, right), lanes) in enumerate(_bands(graph)):
        if number:
            yield ""
        yield from _Band(graph, left, right, lanes, width).lines()
    for node in graph.nodes:
        if node.routes:
            yield ""
            yield from (_cut(f"{node.name}: {route}", width) for route in node.routes)


def _bands(graph: Graph) -> list[tuple[tuple[Node | None, Node | None], list[Lane]]]:
    """Which workers stand beside each other, from the world on, with the lanes between them."""
    bands: dict[tuple[str | None, str | None], list[Lane]] = {}
    for lane in graph.lanes:
        ends = (lane.writer, lane.reader)
        bands.setdefault(ends if graph.is_inward(lane) else ends[::-1], []).append(lane)
    names = [node.name for node in graph.nodes]

    def place(ends: tuple[str | None, str | None]) -> tuple[int, ...]:
        known = [end for end in ends if end is not None]
        # What leads to nobody stands last beside what leads somewhere.
        return (min(map(graph.column_of, known)), names.index(known[0]), -len(known))

    ordered = sorted(bands, key=place)
    return [((graph.node(left), graph.node(right)), bands[left, right]) for left, right in ordered]


class _Band:
    """Two workers, and the lanes between them."""

    def __init__(
        self,
        graph: Graph,
        left: Node | None,
        right: Node | None,
        lanes: Sequence[Lane],
        width: int,
    ) -> None:
        self._graph = graph
        self._lanes = sorted(lanes, key=lambda lane: not graph.is_inward(lane))
        # With whole names if there is room for them.
        for most in (width, width // 5):
            room = self._laid(left, right, most, width)
            if room >= 0:
                break

    def _laid(self, left: Node | None, right: Node | None, most: int, width: int) -> int:
        """Lay it out, with names of so many characters: how many are left of the width."""
        count = len(self._lanes)
        calls = any(node is not None and node.takes_calls for node in (left, right))
        other = _CALLERS if calls else _NOBODY
        self._left = _box(left, most - 1, count, other, is_left=True)
        self._right = _box(right, most - 1, count, other, is_left=False)
        self._queue = min(most, max(len(lane.queue) for lane in self._lanes))
        sides = [self._sides(lane) for lane in self._lanes]
        widest = [max(len(side[at]) for side in sides) for at in (0, 1)]
        room = width - len(self._left[0]) - len(self._right[0]) - self._queue - 10
        self._segments = _shared(widest, room)
        return room - sum(self._segments)

    def lines(self) -> Iterator[str]:
        gap = " " * (self._queue + 2 + sum(self._segments) + 8)
        middle = [gap, *(self._lane(lane) for lane in self._lanes)]
        middle += [gap] * (len(self._left) - len(middle))
        for left, between, right in zip(self._left, middle, self._right, strict=True):
            yield f"{left}{between}{right}".rstrip()

    def _sides(self, lane: Lane) -> tuple[str, str]:
        """What stands on the left and on the right of a queue, as it is read from the left."""
        if self._graph.is_inward(lane):
            return _names(lane.out), _names(lane.back)
        return _names(lane.back[::-1]), _names(lane.out[::-1])

    def _lane(self, lane: Lane) -> str:
        inward = self._graph.is_inward(lane)
        left, right = (
            _segment(text, width, inward=inward)
            for text, width in zip(self._sides(lane), self._segments, strict=True)
        )
        return f"{left} {_cut(lane.queue, self._queue):^{self._queue}} {right}"


def _names(names: Sequence[str]) -> str:
    return f"[{', '.join(names)}]" if names else ""


def _shared(widest: Sequence[int], room: int) -> tuple[int, int]:
    """How wide the two sides of queues are, within the room that there is."""
    left, right = widest
    if left + right > room:
        half = max(_LEAST, room // 2)
        left, right = min(left, max(half, room - right)), min(right, max(half, room - left))
    return left, right


def _segment(text: str, width: int, *, inward: bool) -> str:
    """A line with an arrow, and what stands on it; four characters wider than asked for."""
    shown = text if len(text) <= width else f"{text[: max(0, width - 2)]}…]"
    line = shown.center(width + 2, "─") if shown else "─" * (width + 2)
    return f"─{line}▶" if inward else f"◀{line}─"


def _box(node: Node | None, most: int, lanes: int, other: str, *, is_left: bool) -> list[str]:
    """A worker in a box, with room for so many lines beside it; the world beside a transport.

    :param other: what stands there instead of a worker.
    """
    if node is None:
        texts = ["", other, *[""] * max(2, lanes)]
        lines = [text.ljust(len(other)) for text in texts]
    else:
        texts = [_cut(text, most) for text in (node.name, node.short_class)]
        width = max(map(len, texts))
        inner = [*texts, *[""] * (max(2, lanes) - 2)]
        lines = [f"│ {text.ljust(width)} │" for text in inner]
        lines = [f"┌{'─' * (width + 2)}┐", *lines, f"└{'─' * (width + 2)}┘"]
    if not is_left:
        return lines
    shown = _WORLD if node is not None and node.sort == "transport" else ("", "")
    world = ["", *shown, *[""] * (len(lines) - 3)]
    return [f"{text:<{len(_WORLD[0])}}{line}" for text, line in zip(world, lines, strict=True)]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
