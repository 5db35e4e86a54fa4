"""Hands the trace of what runs here on to another process, without knowing how it is traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Carried", "carried", "carry"]


class Carried(NamedTuple):
    """Where in a trace something is.

    :param service: the name of the service.
    :param context: as a message carries it.
    """

    service: str
    context: bytes


#: Says where the code that runs is; set when the service is built.
_how: list[Callable[[], Carried]] = []


def carry(how: Callable[[], Carried] | None) -> None:
    """Have this asked where the code that runs is; None: nothing is traced."""
    _how[:] = [] if how is None else [how]


def carried() -> Carried | None:
    """Where the code that runs is; None when nothing is traced."""
    return _how[0]() if _how else None
