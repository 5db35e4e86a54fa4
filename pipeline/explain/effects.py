"""What a hook may do: as its class declares it, else guessed from its source."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from pipeline.explain.guessing import found_in, may_wait
from pipeline.explain.source import class_of, plain
from pipeline.middleware.effects import EFFECTS, declared

__all__ = ["Effects", "effects_of", "way_of"]


class Effects(NamedTuple):
    """What a hook may do.

    :param words: of :data:`~pipeline.middleware.effects.EFFECTS`, in their order.
    :param known: ``declared``; ``guessed``: the source shows these, and there may be more;
        ``unknown``: there is neither a declaration nor a source.
    """

    words: tuple[str, ...]
    known: str

    def __str__(self) -> str:
        if self.known == "unknown":
            return "unknown"
        if self.known == "guessed":
            return ", ".join(f"{word}?" for word in self.words) or "nothing?"
        return ", ".join(self.words) or "looks only"


def effects_of(hook: Any, owner: Any, name: str = "") -> Effects:
    """What a hook may do.

    A declaration speaks for the hooks of its class and of those that this derives from. For one
    that a class below has written, what the source shows is added, and all of it is a guess.

    :param hook: what is called.
    :param owner: the middleware.
    :param name: the hook's name.
    """
    said = declared(owner)
    if said is not None and _speaks_for(said[1], hook, owner):
        return Effects(_in_order(said[0]), "declared")
    found = found_in(hook, owner, name)
    if found is None:
        return Effects(_in_order(said[0]) if said else (), "guessed" if said else "unknown")
    return Effects(_in_order((*found, *(said[0] if said else ()))), "guessed")


def way_of(hook: Any, owner: Any) -> str:
    """How a hook is called: ``async``, ``sync``, or or ``Deferred``, if it may give such."""
    if inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(plain(hook)):
        return "async"
    return "Deferred" if may_wait(hook, owner) else "sync"


def _speaks_for(whose: type | None, hook: Any, owner: Any) -> bool:
    written = class_of(hook, owner)
    return whose is None or written is None or not _is_below(written, whose)


def _is_below(cls: type, other: type) -> bool:
    return cls is not other and issubclass(cls, other)


def _in_order(words: tuple[str, ...]) -> tuple[str, ...]:
    known = [word for word in EFFECTS if word in words]
    return (*known, *sorted(set(words) - set(known)))
