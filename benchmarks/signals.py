"""What a signal costs: with nobody who listens, and with somebody.

Run as ``python -m benchmarks.signals [--sends N] [--json FILE]``. The promise is under 100 ns for a
signal that nobody listens to, as the framework sends those of messages and requests: it looks first
whether anybody is there. Each figure is the best of five rounds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from time import perf_counter
from typing import Any

from pipeline.signals import Signal

ROUNDS = 5


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
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.signals", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--sends", type=int, default=200_000, help="how many each (200000)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    figures = []
    for what, case in CASES.items():
        best = min(case(options.sends) for _ in range(ROUNDS))
        nanoseconds = round(best / options.sends * 1e9, 1)
        figures.append({"what": what, "ns": nanoseconds})
        print(f"{nanoseconds:10.1f} ns  {what}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file)


if __name__ == "__main__":
    main()
