"""Looks at the end whether every message came through exactly once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipeline.brokers.redis.layout import GROUP, TORN, Layout
from pipeline.errors import ServerRefused
from tests.faults.chained import wrong_chains
from tests.faults.isolated import outcomes_amiss
from tests.faults.plan import FIRST, OUT, SECOND
from tests.faults.stage import Stage
from tests.faults.steps import acknowledged
from tests.faults.timed import slots_amiss

__all__ = ["Checker"]

#: How many entries are read at once.
PAGE = 1000
#: How many numbers a problem names.
NAMED = 5


class Checker:
    """What Redis says at the end, held against the plan.

    :param stage: where it all happened; the processes have ended.
    :ivar lost: numbers that were acknowledged to the feeder and came to no end.
    :ivar duplicated: how many ends there were too many.
    :ivar problems: all that is not as it should be, in words.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._plan = stage.plan
        self.problems: list[str] = []
        self._ends = Counter(number_of(fields[b"m"]) for _, fields in self._entries(OUT))
        self._dead = {queue: self._dead_letters(queue) for queue in (FIRST, SECOND)}
        self._fed = set(acknowledged(stage.crew.record))
        self.lost = self._find_lost()
        self.duplicated = sum(count - 1 for count in self._ends.values() if count > 1)

    def check(self) -> list[str]:
        """Look at everything; the problems."""
        self._say("lost", self.lost)
        self._say("twice", [n for n, count in self._ends.items() if count > 1])
        self._say("from nowhere", self._ends.keys() - range(self._plan.messages))
        self._say("never acknowledged", set(range(self._plan.messages)) - self._fed)
        self._check_counters()
        self._check_dead()
        for queue in (FIRST, SECOND):
            for layout in self._stage.layouts:
                self._check_nothing_left(queue, layout)
        if self._plan.timed:
            self.problems += slots_amiss(self._stage)
        if self._plan.chained:
            self.problems += wrong_chains(self._stage)
        if self._plan.isolated:
            self.problems += outcomes_amiss(self._stage)
        self.problems += self._stage.crew.complaints
        return self.problems

    def _say(self, what: str, numbers: Any) -> None:
        found = sorted(numbers, key=str)
        if found:
            self.problems.append(f"{len(found)} {what}: {found[:NAMED]}")

    # Messages ------------------------------------------------------------------------------------

    def _find_lost(self) -> list[int]:
        buried = {number_of(payload) for dead in self._dead.values() for payload, _ in dead}
        return sorted(n for n in self._fed if n not in self._ends and n not in buried)

    def _check_counters(self) -> None:
        """Each message was counted exactly once, but for those that the first step gave up."""
        wanted = {n: 1 for n in range(self._plan.messages) if self._plan.doom(n) != FIRST}
        counts = self._counters()
        wrong = {n: counts[n] for n in counts if counts[n] != wanted.get(n, 0)}
        for what, numbers in (
            ("not counted", [n for n, count in wrong.items() if not count]),
            ("counted more than once", [n for n, count in wrong.items() if count]),
        ):
            self._say(what, numbers)
        if self._plan.shared:
            self._check_sum(sum(wanted))

    def _counters(self) -> dict[int, int]:
        counts: dict[int, int] = {}
        for start in range(0, self._plan.messages, PAGE):
            numbers = range(start, min(start + PAGE, self._plan.messages))
            for layout in self._stage.layouts:
                keys = [layout.store("n", f"seen:{n}") for n in numbers]
                found = self._stage.call("MGET", *keys)
                for number, count in zip(numbers, found, strict=True):
                    counts[number] = counts.get(number, 0) + int(count or 0)
        return counts

    def _check_sum(self, wanted: int) -> None:
        key = self._stage.layouts[0].store("v", "sum")
        found = int(self._stage.call("GET", key) or 0)
        if found != wanted:
            self.problems.append(f"the shared sum is {found}, not {wanted}")

    # Dead letters --------------------------------------------------------------------------------

    def _dead_letters(self, queue: str) -> list[tuple[bytes, str]]:
        return [
            (fields.get(b"payload", b""), fields.get(b"reason", b"").decode())
            for _, fields in self._entries("!" + queue)
        ]

    def _check_dead(self) -> None:
        for queue, dead in self._dead.items():
            found = Counter((_named(payload), reason) for payload, reason in dead)
            wanted = Counter(self._planned(queue))
            self._say(f"dead letters of {queue} missing", list((wanted - found).elements()))
            self._say(f"dead letters of {queue} not planned", list((found - wanted).elements()))

    def _planned(self, queue: str) -> Iterator[tuple[object, str]]:
        for number in range(self._plan.messages):
            if self._plan.doom(number) == queue:
                yield number, "poison" if number in self._plan.poison else "exhausted"
        for place, payload in self._stage.malformed:
            if place == queue:
                yield _named(payload), "undecodable"

    # What is left --------------------------------------------------------------------------------

    def _check_nothing_left(self, queue: str, layout: Layout) -> None:
        stage = self._stage
        stream = layout.stream(queue)
        for what, count in (
            ("entries", stage.call("XLEN", stream)),
            ("pending", stage.call("XPENDING", stream, GROUP)[0]),
            ("delayed", stage.call("ZCARD", layout.delayed(queue))),
            ("torn", self._torn(stream)),
        ):
            if count:
                self.problems.append(f"{count} {what} left in {queue}")

    def _torn(self, stream: bytes) -> int:
        try:
            return int(self._stage.call("XPENDING", stream, TORN)[0])
        except ServerRefused:  # there is no such group
            return 0

    def _entries(self, queue: str) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
        for stream in [layout.stream(queue) for layout in self._stage.layouts]:
            start = b"-"
            while page := self._stage.call("XRANGE", stream, start, "+", "COUNT", PAGE):
                for id, values in page:
                    yield id, dict(zip(values[::2], values[1::2], strict=True))
                start = b"(" + page[-1][0]


def number_of(payload: bytes) -> int | None:
    """The number in a message of the chain; None if it is none."""
    try:
        return int(json.loads(payload)["content"])
    except (ValueError, TypeError, KeyError):
        return None


def _named(payload: bytes) -> object:
    number = number_of(payload)
    return payload[:40] if number is None else number
