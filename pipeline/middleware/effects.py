"""What a middleware says that it may do, in words that ``pipeline explain`` shows.

::

    class QuotaMiddleware(ApplicationMiddleware):
        MAY = ("drop", "store")

A class that says nothing is looked through, and what is found there is shown as a guess.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["EFFECTS", "Declared", "declared"]

#: Word -> what it means, for messages and for requests alike.
EFFECTS: Final[dict[str, str]] = {
    "change": "changes the message, or gives another; a request's layer: the request or response",
    "drop": "settles the message with nothing more done; of a task: doesn't run the call",
    "respond": "answers itself; what stands behind it never sees the message or request",
    "retry": "puts the message off, by `RetryLater`; of a task: runs the call again",
    "refuse": "fails the message for good: it becomes a dead letter",
    "store": "writes to the store",
}

#: What a declaration has: the words, and the class that has it (None: the instance itself).
Declared = tuple[tuple[str, ...], type | None]


def declared(middleware: Any) -> Declared | None:
    """What a middleware says in ``MAY``; None if neither it nor a class that it derives from does.

    :param middleware: an instance, a class or a factory.
    """
    own = getattr(middleware, "__dict__", {}).get("MAY")
    cls = middleware if isinstance(middleware, type) else type(middleware)
    if own is not None:
        return tuple(own), cls if isinstance(middleware, type) else None
    for base in cls.__mro__:
        if vars(base).get("MAY") is not None:
            return tuple(vars(base)["MAY"]), base
    return None
