"""What an explanation is made of: values that say all, for whoever prints or draws them."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Chain", "Hook", "Queue", "Skipped", "System", "Worker"]


@dataclass(frozen=True)
class Hook:
    """One handler or hook, as it is called.

    :param name: the middleware's name in the configuration.
    :param class_name: its class, or factory, in full.
    :param hook: the method that is called, as ``handle_inbound``.
    :param where: where that is written, as ``pipeline/middleware/cache.py:121``; None: unknown.
    :param way: ``sync``, ``async``, ``Deferred`` or, of what blocks, ``thread``.
    :param may: what it may do; see :class:`pipeline.explain.effects.Effects`.
    :param may_known: ``declared``, ``guessed`` or ``unknown``.
    :param priority: its place in the order, of message middleware.
    :param at: where the configuration names it.
    """

    name: str
    class_name: str
    hook: str
    where: str | None
    way: str
    may: tuple[str, ...]
    may_known: str
    priority: int = 0
    at: str | None = None


@dataclass(frozen=True)
class Chain:
    """What one sort of message passes in a worker.

    :param direction: ``consume`` or ``publish``.
    :param kind: as ``inbound``.
    :param queues: which are read, or written to, that way; none: it is used, if at all, for what
        ``why`` says.
    :param why: what it is for when no queue of a connector is.
    :param hooks: in their order.
    """

    direction: str
    kind: str
    queues: tuple[str, ...] = ()
    why: str = ""
    hooks: tuple[Hook, ...] = ()

    @property
    def is_used(self) -> bool:
        """Whether messages pass it here at all."""
        return bool(self.queues or self.why)


@dataclass(frozen=True)
class Skipped:
    """An entry of the ``middleware:`` list that does nothing in a worker.

    :param why: the reason.
    :param sort: ``idle``: there is nothing for it to do; ``unwanted``: it said so itself;
        ``unready``: it could not be set up, so that is not known.
    """

    name: str
    class_name: str
    why: str
    at: str | None = None
    sort: str = "idle"


@dataclass(frozen=True)
class Queue:
    """A queue, and who in this configuration reads and writes it."""

    name: str
    kind: str
    writers: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Worker:
    """A worker and what messages pass in it.

    :param sort: ``transport``, ``dispatcher``, ``application`` or ``worker``.
    :param takes_calls: it runs tasks, which may be called from anywhere.
    :param phases: of tasks and requests: the name of a phase -> the hooks that are called in it.
    :param routes: of a dispatcher, in words.
    :param unready: of middlewares that could not be set up here: the name and why.
    """

    name: str
    class_name: str
    sort: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    chains: tuple[Chain, ...] = ()
    phases: tuple[tuple[str, tuple[Hook, ...]], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    routes: tuple[str, ...] = ()
    takes_calls: bool = False
    unready: tuple[tuple[str, str], ...] = ()

    def chain(self, direction: str, kind: str) -> Chain:
        """The chain of a direction and kind; there is one for each."""
        return next(c for c in self.chains if (c.direction, c.kind) == (direction, kind))


@dataclass(frozen=True)
class System:
    """A configuration, explained."""

    namespace: str
    workers: tuple[Worker, ...] = field(default=())
    queues: tuple[Queue, ...] = field(default=())
