"""Lanes: what has the same key is handled one after another, the rest side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Lanes"]

T = TypeVar("T")


class Lanes(Generic[T]):
    """Who may start, and who waits behind whom. A lane lives as long as somebody is in it."""

    def __init__(self) -> None:
        self._lanes: dict[Hashable, deque[T]] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def enter(self, key: Hashable, who: T) -> bool:
        """Line up behind all others of this key.

        :return: whether the lane was free: start now. Otherwise :meth:`leave` will name it.
        """
        waiting = self._lanes.get(key)
        if waiting is None:
            self._lanes[key] = deque()
            return True
        waiting.append(who)
        return False

    def leave(self, key: Hashable) -> T | None:
        """Say that the one in front is done.

        :return: who may start now; None when nobody waits.
        """
        waiting = self._lanes[key]
        if waiting:
            return waiting.popleft()
        del self._lanes[key]
        return None

    def drop(self, key: Hashable) -> list[T]:
        """Close a lane.

        :return: who waited in it.
        """
        return list(self._lanes.pop(key, ()))

    def clear(self) -> None:
        """Forget everybody."""
        self._lanes.clear()
