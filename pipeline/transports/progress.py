"""How far a transport is with something that ends, for whoever shows it to a person."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Progress"]


@dataclass
class Progress:
    """A transport that has something to be shown has one as its attribute ``progress``.

    :ivar done: how much is done, as bytes.
    :ivar total: how much there is; it may grow.
    """

    done: int = 0
    total: int = 0
