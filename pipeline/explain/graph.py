"""Workers and the queues between them, as something to be drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pipeline.explain import views

__all__ = ["Graph", "Lane", "Node", "graph_of"]

#: In which order lanes are drawn: what comes in first, as one reads.
_KINDS = ("inbound", "event", "status", "failure", "outbound")


@dataclass(frozen=True)
class Node:
    """A worker.

    :param column: how far it is from the world; transports are 0.
    """

    name: str
    class_name: str
    sort: str
    column: int
    routes: tuple[str, ...] = ()
    takes_calls: bool = False

    @property
    def short_class(self) -> str:
        """The class without its module."""
        return self.class_name.rpartition(".")[2]


@dataclass(frozen=True)
class Lane:
    """A queue, from one worker to another.

    :param writer: None: nobody here writes it.
    :param reader: None: nobody here reads it.
    :param out: the middlewares that a message passes at the writer, in that order.
    :param back: those that it passes at the reader.
    """

    queue: str
    kind: str
    writer: str | None
    reader: str | None
    out: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """A system to be drawn."""

    namespace: str
    nodes: tuple[Node, ...]
    lanes: tuple[Lane, ...]

    def node(self, name: str | None) -> Node | None:
        """The worker of a name."""
        return next((node for node in self.nodes if node.name == name), None)

    def column_of(self, name: str | None) -> int:
        """How far a worker is from the world; -1 for none."""
        node = self.node(name)
        return -1 if node is None else node.column

    def is_inward(self, lane: Lane) -> bool:
        """Whether a lane leads away from the world."""
        if lane.writer is None or lane.reader is None:
            return lane.kind != "outbound"
        return self.column_of(lane.writer) <= self.column_of(lane.reader)


def graph_of(system: views.System) -> Graph:
    """The graph of a system that was explained."""
    columns = _columns(system)
    workers = {worker.name: worker for worker in system.workers}
    nodes = tuple(
        Node(
            *(each.name, each.class_name, each.sort),
            columns[each.name],
            each.routes,
            each.takes_calls,
        )
        for each in system.workers
    )
    lanes = sorted(_lanes(system, workers), key=lambda lane: _KINDS.index(lane.kind))
    return Graph(system.namespace, nodes, tuple(lanes))


def _lanes(system: views.System, workers: dict[str, views.Worker]) -> Iterator[Lane]:
    for queue in system.queues:
        writers = _known(queue.writers, workers)
        readers = _known(queue.readers, workers)
        for writer in writers:
            for reader in readers:
                if writer is None and reader is None:
                    continue
                out, back = (
                    () if name is None else _passed(workers[name], direction, queue.kind)
                    for name, direction in ((writer, "publish"), (reader, "consume"))
                )
                yield Lane(queue.name, queue.kind, writer, reader, out, back)


def _known(names: Iterable[str], workers: Collection[str]) -> list[str | None]:
    """Those that are drawn; nobody, if there are none."""
    return [name for name in names if name in workers] or [None]


def _passed(worker: views.Worker, direction: str, kind: str) -> tuple[str, ...]:
    return tuple(hook.name for hook in worker.chain(direction, kind).hooks)


def _columns(system: views.System) -> dict[str, int]:
    """How far each worker is from the world, by the longest way that inbound messages go."""
    inward: dict[str, set[str]] = {worker.name: set() for worker in system.workers}
    for queue in system.queues:
        for writer in queue.writers if queue.kind == "inbound" else ():
            inward.setdefault(writer, set()).update(set(queue.readers) - {writer})
    columns = {each.name: 0 if each.sort == "transport" else 1 for each in system.workers}
    # Each round makes ways of one more step right; a circle ends with the rounds.
    for _ in system.workers:
        for writer, readers in inward.items():
            for reader in readers & set(columns):
                if writer in columns and columns[reader] <= len(columns):
                    columns[reader] = max(columns[reader], columns[writer] + 1)
    return columns
