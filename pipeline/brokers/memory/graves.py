"""The dead letters of one partition in memory."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from itertools import islice

from pipeline.delivery import DeadLetterEntry

__all__ = ["Graves", "noted"]

Position = tuple[int, int]


class Graves:
    """Dead letters by queue, those of an instance's queue with its connector's, oldest first."""

    def __init__(self) -> None:
        self._count = 0
        self._queues: dict[str, dict[Position, DeadLetterEntry]] = defaultdict(dict)

    def queues(self) -> list[str]:
        """The queues that have any."""
        return [queue for queue, letters in self._queues.items() if letters]

    def add(self, queue: str, now: int, fields: dict[str, bytes]) -> str:
        """Keep a letter: its id."""
        self._count += 1
        at = (now, self._count)
        place = _place(queue)
        self._queues[place][at] = DeadLetterEntry(_id(at), place, fields)
        return _id(at)

    def count(self, queue: str) -> int:
        """How many a queue has."""
        return len(self._queues[_place(queue)])

    def find(self, queue: str, id: str) -> DeadLetterEntry | None:
        """A letter, if it is there."""
        return self._queues[_place(queue)].get(_position(id))

    def take(self, queue: str, id: str) -> DeadLetterEntry | None:
        """A letter, if it is there; now it is no more."""
        return self._queues[_place(queue)].pop(_position(id), None)

    def page(self, queue: str, start: str, count: int) -> list[DeadLetterEntry]:
        """Letters from an id on; ``(`` before it leaves that one out."""
        letters = self._queues[_place(queue)]
        if start == "-":
            return list(islice(letters.values(), count))
        # They were kept in the order of their positions.
        order = list(letters)
        first = bisect_left(order, _position(start.removeprefix("(")))
        if start.startswith("(") and order[first : first + 1] == [_position(start[1:])]:
            first += 1
        return [letters[at] for at in order[first : first + count]]

    def newest(self, queue: str) -> str | None:
        """The id of the last."""
        last = next(reversed(self._queues[_place(queue)]), None)
        return None if last is None else _id(last)

    def reasons(self, queue: str) -> dict[str, int]:
        """How many there are of each reason."""
        letters = self._queues[_place(queue)].values()
        return Counter(e.fields.get("reason", b"").decode("utf-8", "replace") for e in letters)

    def clear(self, till: int) -> None:
        """Throw away what died before a time in ms."""
        for letters in self._queues.values():
            while letters and (first := next(iter(letters))) < (till, 0):
                del letters[first]


def noted(letter: DeadLetterEntry, what: str, now: int) -> bytes:
    """A letter's history with one more note: what was done to it, and why it lay there."""
    try:
        known = json.loads(letter.fields.get("history") or b"[]")
    except ValueError:
        known = []
    note = {what: now / 1000, "reason": letter.fields.get("reason", b"").decode() or "unknown"}
    return json.dumps([*(known if isinstance(known, list) else []), note]).encode()


def _place(queue: str) -> str:
    return queue.partition("@")[0]


def _position(id: str) -> Position:
    first, _, second = id.partition("-")
    return int(first), int(second or 0)


def _id(at: Position) -> str:
    return f"{at[0]}-{at[1]}"
