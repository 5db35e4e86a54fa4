"""Queues that lead from nobody, or to nobody, as far as this file tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.applications.tasks import TaskApplication
from pipeline.config.problems import suggestion
from pipeline.explain.lint.rules import Found, Given, Rule
from pipeline.explain.prepared import Prepared
from pipeline.explain.views import Queue

__all__ = ["RULES"]

_ELSEWHERE = "or leave it so, if that is another file's"


def _unfed(given: Given) -> Iterator[Found]:
    for worker in given.workers:
        # Calls of tasks come from anywhere, and need no transport.
        is_fed_by_clients = isinstance(worker.worker, TaskApplication)
        lonely = {} if is_fed_by_clients else _one_sided(given, worker, "consume")
        lonely = {name: queues for name, queues in lonely.items() if _matters(queues)}
        if len(given.workers) == 1 and lonely:
            first = next(iter(lonely))
            every = [queue for queues in lonely.values() for queue in queues]
            yield _unfed_of(given, worker, first, every, "note")
            continue
        for connector, queues in lonely.items():
            yield _unfed_of(given, worker, connector, queues, None)


def _unfed_of(
    given: Given, worker: Prepared, connector: str, queues: Iterable[Queue], level: str | None
) -> Found:
    return Found(
        f"{worker.name!r} reads {_names(queues)}, and nobody in this file writes there",
        _hint(given, connector, "writers"),
        _at(worker, connector),
        worker.name,
        level,
    )


def _unread(given: Given) -> Iterator[Found]:
    for worker in given.workers:
        unfed = _one_sided(given, worker, "consume")
        for connector, queues in _one_sided(given, worker, "publish").items():
            # The other side of the connector isn't there at all: that is said once.
            if _matters(unfed.get(connector, ())) and not _failures(queues):
                continue
            yield Found(
                f"{worker.name!r} writes to {_names(queues)}, and nobody in this file reads there",
                _hint(given, connector, "readers"),
                _at(worker, connector),
                worker.name,
                None if _failures(queues) else _level(given, worker),
            )


def _one_sided(given: Given, worker: Prepared, direction: str) -> dict[str, list[Queue]]:
    """By connector: the queues of a worker that have nobody at the other end."""
    found: dict[str, list[Queue]] = {}
    for queue in given.system.queues:
        mine, theirs = (
            (queue.readers, queue.writers)
            if direction == "consume"
            else (queue.writers, queue.readers)
        )
        if worker.name in mine and not theirs:
            found.setdefault(queue.name.rpartition(".")[0], []).append(queue)
    return found


def _matters(queues: Iterable[Queue]) -> bool:
    """Whether messages are missing, and not only events about them."""
    return any(queue.kind != "event" for queue in queues)


def _failures(queues: Iterable[Queue]) -> bool:
    return any(queue.kind == "failure" for queue in queues)


def _level(given: Given, worker: Prepared) -> str | None:
    """A worker alone in its file is one of several files; calls of tasks come from anywhere."""
    is_alone = len(given.workers) == 1
    return "note" if is_alone or isinstance(worker.worker, TaskApplication) else None


def _names(queues: Iterable[Queue]) -> str:
    return ", ".join(queue.name for queue in queues)


def _at(worker: Prepared, connector: str) -> str | None:
    options = ("receive_inbound_connectors", "receive_outbound_connectors")
    for option in options:
        listed = worker.spec.config.get(option)
        if isinstance(listed, list) and connector in listed:
            return worker.spec.at((option, listed.index(connector)))
    if worker.spec.config.get("transport_name") is None:
        return worker.spec.class_at
    return worker.spec.at(("transport_name",))


def _hint(given: Given, connector: str, side: str) -> str:
    """Which connector was probably meant."""
    others = {
        queue.name.rpartition(".")[0] for queue in given.system.queues if getattr(queue, side)
    } - {connector}
    meant = suggestion(connector, others) or ""
    if meant.startswith("did"):
        return meant
    worker = "one that writes there" if side == "writers" else "one that reads them"
    return f"add a worker, {worker}, {_ELSEWHERE}"


def _competing(given: Given) -> Iterator[Found]:
    for queue in given.system.queues:
        readers = [given.worker(name) for name in queue.readers]
        if len({type(reader.worker) for reader in readers}) > 1 or _two_transports(readers):
            names = ", ".join(repr(reader.name) for reader in readers)
            yield Found(
                f"{names} read {{queues}}: each message goes to one of them, whichever is first",
                "give each a transport_name of its own, with a dispatcher between if need be",
                _at(readers[-1], queue.name.rpartition(".")[0]),
                readers[-1].name,
                queue=queue.name,
            )


def _two_transports(readers: Iterable[Prepared]) -> bool:
    return sum(reader.sort == "transport" for reader in readers) > 1


RULES = (
    Rule(
        "unfed-queue",
        "warning",
        "A worker reads a queue to which nobody in this file writes.",
        "nothing will come; what other files and processes do is not known here",
        _unfed,
    ),
    Rule(
        "unread-queue",
        "warning",
        "A worker writes to a queue that nobody in this file reads.",
        "what is written there waits for ever, and takes memory; other files are not known here",
        _unread,
    ),
    Rule(
        "competing-readers",
        "warning",
        "Workers of different classes, or two transports, read the same queue.",
        "a queue divides its messages among its readers, and doesn't copy them",
        _competing,
    ),
)
