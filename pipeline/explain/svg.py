"""A system as a picture that every browser shows; nothing else is needed to draw it."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from pipeline.explain.graph import Graph, Lane
from pipeline.explain.layout import BOX, PILL, Layout, Point, laid_out

__all__ = ["svg"]

_COLOURS = {
    "inbound": "#1f6feb",
    "outbound": "#1a7f37",
    "event": "#6e7781",
    "failure": "#cf222e",
    "status": "#8250df",
}
_FILLS = {
    "transport": "#ddf4ff",
    "dispatcher": "#fff8c5",
    "application": "#dafbe1",
    "worker": "#f6f8fa",
}
#: The most characters of a label; the whole is shown when the mouse is over it.
_MOST = 28
_STYLE = (
    "text{font-family:system-ui,sans-serif;font-size:12px;fill:#1f2328}"
    ".name{font-weight:600;font-size:13px}"
    # The names of middlewares are read across lines.
    ".small{font-size:11px;fill:#57606a;paint-order:stroke;stroke:#ffffff;stroke-width:3px}"
    ".plain{font-size:11px;fill:#57606a}"
    ".box{stroke:#57606a}.line{fill:none;stroke-width:1.5}"
)


def svg(graph: Graph) -> str:
    """A whole SVG document."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    layout = laid_out(graph)
    width, height = layout.size
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img">'
    )
    yield f"<title>{_text('namespace ' + graph.namespace)}</title>"
    yield f"<style>{_STYLE}</style>"
    yield from _markers()
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield _label(20, 28, f"namespace {graph.namespace}", "name")
    yield from _world(graph, layout)
    for lane in graph.lanes:
        yield from _lines_of(layout, lane)
    for lane in graph.lanes:
        yield from _names_of(layout, lane)
    yield from _pills(graph, layout)
    yield from _boxes(graph, layout)
    yield from _legend(graph, height)
    yield "</svg>"


def _markers() -> Iterator[str]:
    """Heads of arrows, in each colour."""
    yield "<defs>"
    for kind, colour in _COLOURS.items():
        yield (
            f'<marker id="{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"'
            f' markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
        )
    yield "</defs>"


def _world(graph: Graph, layout: Layout) -> Iterator[str]:
    for node in graph.nodes:
        if node.sort == "transport":
            x, y, height = layout.boxes[node.name]
            middle = y + height / 2
            yield _label(20, middle + 4, "world", "small")
            yield from _arrow(Point(58, middle - 6), Point(x, middle - 6), "inbound")
            yield from _arrow(Point(x, middle + 6), Point(58, middle + 6), "outbound")


def _ends(layout: Layout, lane: Lane) -> Iterator[tuple[Point, tuple[str, ...], bool]]:
    """Of each worker at a queue: where its line begins, what is passed there, whether it writes."""
    for name, names, writes in ((lane.writer, lane.out, True), (lane.reader, lane.back, False)):
        if name is not None:
            yield layout.port(name, lane.queue), names, writes


def _lines_of(layout: Layout, lane: Lane) -> Iterator[str]:
    x, y = layout.pills[lane.queue]
    for port, _, writes in _ends(layout, lane):
        end = Point(x if port.x < x else x + PILL, y)
        yield from _arrow(*((port, end) if writes else (end, port)), lane.kind)


def _names_of(layout: Layout, lane: Lane) -> Iterator[str]:
    """What a message passes, at the side of the worker in which it does."""
    for port, names, _ in _ends(layout, lane):
        is_left = port.x < layout.pills[lane.queue].x
        x, anchor = (port.x + 12, "start") if is_left else (port.x - 12, "end")
        if names:
            yield _label(x, port.y - 5, ", ".join(names), "small", anchor)


def _arrow(start: Point, end: Point, kind: str) -> Iterator[str]:
    bend = (end.x - start.x) / 2
    path = (
        f"M{start.x:g},{start.y:g} C{start.x + bend:g},{start.y:g}"
        f" {end.x - bend:g},{end.y:g} {end.x:g},{end.y:g}"
    )
    colour = _COLOURS[kind]
    yield f'<path class="line" d="{path}" stroke="{colour}" marker-end="url(#{kind})"/>'


def _pills(graph: Graph, layout: Layout) -> Iterator[str]:
    kinds = {lane.queue: lane.kind for lane in graph.lanes}
    for queue, (x, y) in layout.pills.items():
        yield (
            f'<rect x="{x:g}" y="{y - 11:g}" width="{PILL}" height="22" rx="11" fill="#ffffff"'
            f' stroke="{_COLOURS[kinds[queue]]}"/>'
        )
        yield _label(x + PILL / 2, y + 4, queue, "", "middle")


def _boxes(graph: Graph, layout: Layout) -> Iterator[str]:
    for node in graph.nodes:
        x, y, height = layout.boxes[node.name]
        told = _text("\n".join([node.class_name, *node.routes]))
        yield (
            f'<rect class="box" x="{x:g}" y="{y:g}" width="{BOX}" height="{height:g}" rx="6"'
            f' fill="{_FILLS[node.sort]}"><title>{told}</title>'
            "</rect>"
        )
        yield _label(x + BOX / 2, y + 24, node.name, "name", "middle")
        yield _label(x + BOX / 2, y + 42, node.short_class, "plain", "middle")
        # As many of its routes as there is room for; the mouse shows all.
        for number, route in enumerate(node.routes[: int((height - 52) // 14)]):
            yield _label(x + BOX / 2, y + 62 + 14 * number, route, "plain", "middle")


def _legend(graph: Graph, height: float) -> Iterator[str]:
    kinds = dict.fromkeys(lane.kind for lane in graph.lanes)
    for number, kind in enumerate(kinds):
        x = 20 + number * 100
        yield from _arrow(Point(x, height - 18), Point(x + 26, height - 18), kind)
        yield _label(x + 32, height - 14, kind, "small")


def _label(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    shown = text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
    whole = "" if shown == text else f"<title>{_text(text)}</title>"
    return (
        f'<text x="{x:g}" y="{y:g}" class="{style}" text-anchor="{anchor}">'
        f"{whole}{_text(shown)}</text>"
    )


def _text(text: str) -> str:
    """A text that XML takes for nothing else; what XML can't have is a question mark."""
    kept = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    return escape(kept)
