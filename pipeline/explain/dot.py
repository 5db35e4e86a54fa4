"""A system in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.explain.graph import Graph, Lane

__all__ = ["dot"]

_SHAPES = {"transport": "house", "dispatcher": "diamond", "application": "box", "worker": "box"}


def dot(graph: Graph) -> Iterator[str]:
    """The lines of a ``digraph``: workers, queues, and who passes what between them."""
    yield f"digraph {_quoted(graph.namespace)} {{"
    yield "  rankdir=LR;"
    yield '  node [fontname="sans-serif", fontsize=11]; edge [fontname="sans-serif", fontsize=9];'
    if any(node.sort == "transport" for node in graph.nodes):
        yield "  world [shape=plaintext, label=world];"
    for node in graph.nodes:
        label = _quoted(f"{node.name}\n{node.short_class}")
        yield f"  {_worker(node.name)} [shape={_SHAPES[node.sort]}, label={label}];"
        if node.sort == "transport":
            yield f"  world -> {_worker(node.name)} [dir=both];"
    for queue in dict.fromkeys(lane.queue for lane in graph.lanes):
        yield f"  {_queue(queue)} [shape=cds, label={_quoted(queue)}];"
    yield from dict.fromkeys(line for lane in graph.lanes for line in _edges(lane))
    yield "}"


def _edges(lane: Lane) -> Iterator[str]:
    queue = _queue(lane.queue)
    if lane.writer is not None:
        yield f"  {_worker(lane.writer)} -> {queue} [label={_quoted(', '.join(lane.out))}];"
    if lane.reader is not None:
        yield f"  {queue} -> {_worker(lane.reader)} [label={_quoted(', '.join(lane.back))}];"


def _worker(name: str) -> str:
    return _quoted(f"worker {name}")


def _queue(name: str) -> str:
    return _quoted(f"queue {name}")


def _quoted(text: str) -> str:
    """A text in quotes; Graphviz takes nothing in it for anything but text."""
    lines = ("".join(c if c.isprintable() else "?" for c in line) for line in text.split("\n"))
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'
