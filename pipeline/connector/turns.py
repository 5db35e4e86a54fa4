"""Turns: who waits with more weight begins more often, and nobody is passed over for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

__all__ = ["Turns"]

T = TypeVar("T")


class Turns(Generic[T]):
    """Lines of those who wait, one for each weight; in each first come, first served.

    Of all that wait the heaviest line goes first. When so many of it have had their turn as it has
    weight, each lighter line has its own turns before it goes on: of weights 4 and 1, of five turns
    one is the light line's. A line in which nobody waits takes no turn.

    :param weights: of the lines; 1 or more.
    :param weight_of: tells the weight of who waits.
    """

    def __init__(self, weights: Iterable[int], weight_of: Callable[[T], int]) -> None:
        self._lines: dict[int, deque[T]] = {each: deque() for each in sorted(weights, reverse=True)}
        self._left = {weight: weight for weight in self._lines}
        self._weight_of = weight_of

    def __bool__(self) -> bool:
        return any(self._lines.values())

    def append(self, who: T) -> None:
        """Stand behind all others of the same weight."""
        self._lines[self._weight_of(who)].append(who)

    def popleft(self) -> T:
        """Whose turn it is.

        :raise IndexError: nobody waits.
        """
        waiting = [weight for weight, line in self._lines.items() if line]
        if not waiting:
            raise IndexError("nobody waits")
        if not any(self._left[weight] for weight in waiting):
            self._left.update({weight: weight for weight in self._lines})
        weight = next(weight for weight in waiting if self._left[weight])
        self._left[weight] -= 1
        return self._lines[weight].popleft()

    def clear(self) -> None:
        """Forget everybody."""
        for line in self._lines.values():
            line.clear()
