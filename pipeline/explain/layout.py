"""Where the boxes, queues and lines of a drawing are, in pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.explain.graph import Graph, Lane

__all__ = ["BOX", "PILL", "ROW", "Layout", "Point", "laid_out"]

#: The width of a worker's box and of a queue, and the height of a row with a line in it.
BOX: Final = 210
PILL: Final = 170
ROW: Final = 34
#: Between a box and a queue: room for the names of middlewares.
_GAP: Final = 170
_TOP: Final = 50
_LEFT: Final = 110
_BETWEEN: Final = 30


class Point(NamedTuple):
    """A place on the drawing."""

    x: float
    y: float


@dataclass
class Layout:
    """A drawing, laid out.

    :ivar boxes: worker -> the place of its upper left corner, and its height.
    :ivar pills: queue -> the place of the middle of its left side.
    :ivar size: of the whole.
    """

    boxes: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    pills: dict[str, Point] = field(default_factory=dict)
    size: tuple[float, float] = (0, 0)
    _ports: dict[tuple[str, str], Point] = field(default_factory=dict)

    def port(self, worker: str, queue: str) -> Point:
        """Where the line of a queue meets a worker's box."""
        return self._ports[worker, queue]


def laid_out(graph: Graph) -> Layout:
    """Find a place for everything: workers in columns by how far they are from the world."""
    layout = Layout()
    sides = _sides(graph)
    _place_boxes(graph, layout, sides)
    _place_ports(layout, sides)
    _place_pills(graph, layout)
    boxes, pills = layout.boxes.values(), layout.pills.values()
    right = max([0.0, *(x + BOX for x, _, _ in boxes), *(pill.x + PILL for pill in pills)])
    below = max([0.0, *(y + height for _, y, height in boxes), *(p.y + ROW / 2 for p in pills)])
    layout.size = (right + 30, below + 60)
    return layout


#: Worker -> the queues on its left, and on its right.
_Sides = dict[str, tuple[list[str], list[str]]]


def _sides(graph: Graph) -> _Sides:
    sides: _Sides = {node.name: ([], []) for node in graph.nodes}
    for lane in graph.lanes:
        inward = graph.is_inward(lane)
        for name, is_writer in ((lane.writer, True), (lane.reader, False)):
            if name is not None:
                queues = sides[name][1 if is_writer == inward else 0]
                if lane.queue not in queues:
                    queues.append(lane.queue)
    return sides


def _place_boxes(graph: Graph, layout: Layout, sides: _Sides) -> None:
    below: dict[int, float] = {}
    for node in graph.nodes:
        rows = max(2, *map(len, sides[node.name]))
        y = below.get(node.column, _TOP)
        x = _LEFT + node.column * (BOX + PILL + 2 * _GAP)
        layout.boxes[node.name] = (x, y, rows * ROW)
        below[node.column] = y + rows * ROW + _BETWEEN
    _centre(graph, layout, max(below.values(), default=0))


def _centre(graph: Graph, layout: Layout, below: float) -> None:
    """Move each column to the middle of the highest."""
    for column in {node.column for node in graph.nodes}:
        names = [node.name for node in graph.nodes if node.column == column]
        _, y, height = layout.boxes[names[-1]]
        shift = (below - _BETWEEN - y - height) / 2
        for name in names:
            x, y, height = layout.boxes[name]
            layout.boxes[name] = (x, y + shift, height)


def _place_ports(layout: Layout, sides: _Sides) -> None:
    for name, (left, right) in sides.items():
        x, y, height = layout.boxes[name]
        for at, queues in ((x, left), (x + BOX, right)):
            step = height / max(1, len(queues))
            for number, queue in enumerate(queues):
                layout._ports[name, queue] = Point(at, y + step * (number + 0.5))


def _place_pills(graph: Graph, layout: Layout) -> None:
    """Between their workers; those of one column apart from each other."""
    wished: dict[float, list[tuple[float, str]]] = {}
    for queue in dict.fromkeys(lane.queue for lane in graph.lanes):
        lanes = [lane for lane in graph.lanes if lane.queue == queue]
        ends = [name for lane in lanes for name in (lane.writer, lane.reader) if name is not None]
        ports = [layout.port(name, queue) for name in dict.fromkeys(ends)]
        column = min(map(graph.column_of, ends))
        # What leads to nobody stands on the side where the other end would be.
        if len(set(ends)) == 1 and not _leads_right(graph, lanes[0]):
            column -= 1
        x = float(_LEFT + BOX + _GAP) + column * (BOX + PILL + 2 * _GAP)
        wished.setdefault(x, []).append((sum(port.y for port in ports) / len(ports), queue))
    for x, queues in wished.items():
        for queue, y in _apart(sorted(queues)):
            layout.pills[queue] = Point(x, y)


def _leads_right(graph: Graph, lane: Lane) -> bool:
    """Whether a queue with one end stands on the right of its worker."""
    return graph.is_inward(lane) == (lane.writer is not None)


def _apart(queues: Iterable[tuple[float, str]]) -> Iterable[tuple[str, float]]:
    """Move what would overlap down."""
    last = float("-inf")
    for y, queue in queues:
        last = max(y, last + ROW)
        yield queue, last
