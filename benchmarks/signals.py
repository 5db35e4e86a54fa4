"""What a signal costs: with nobody who listens, and with somebody.

The promise is under 100 ns for a
signal that nobody listens to, as the framework sends those of messages and requests: it looks first
whether anybody is there. Each figure is the best of five rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from benchmarks.measuring import Size, given, show, written
from pipeline.signals import Signal

ROUNDS = 5
SIZES = {"sends": Size(200_000, 1_000, "how many each")}


def listener(**named: Any) -> None:
    """Do nothing."""


def nobody(sends: int) -> float:
    """Seconds for sends that nobody hears."""
    signal, sender = Signal(), object()
    since = perf_counter()
    for _ in range(sends):
        signal.send_robust(sender, message=None, delivery=None)
    return perf_counter() - since


def nobody_asked_first(sends: int) -> float:
    """The same, where the sender looks before it makes the call, as for each message."""
    signal, sender = Signal(), object()
    since = perf_counter()
    for _ in range(sends):
        if signal.receivers:
            signal.send_robust(sender, message=None, delivery=None)
    return perf_counter() - since


def somebody(sends: int, use_caching: bool = False, others: int = 0) -> float:
    """Seconds for sends that one hears, beside others who listen to somebody else."""
    signal, sender = Signal(use_caching), nobody
    elsewhere = [lambda **named: None for _ in range(others)]
    for each in elsewhere:
        signal.connect(each, sender=somebody)
    signal.connect(listener)
    since = perf_counter()
    for _ in range(sends):
        signal.send_robust(sender, message=None, delivery=None)
    return perf_counter() - since


CASES: dict[str, Callable[[int], float]] = {
    "nobody listens": nobody,
    "nobody listens, and the sender looks first": nobody_asked_first,
    "one listens": somebody,
    "one listens, 20 to another sender": lambda sends: somebody(sends, others=20),
    "the same, with a cache": lambda sends: somebody(sends, use_caching=True, others=20),
}


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("signals", __doc__, SIZES)
    rows = []
    for what, case in CASES.items():
        best = min(case(options.sends) for _ in range(ROUNDS))
        rows.append({"what": what, "ns": round(best / options.sends * 1e9, 1)})
    show(rows)
    written(options.json, rows)


if __name__ == "__main__":
    main()
