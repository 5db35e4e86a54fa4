"""Calls of tasks that do nothing: sent, worked off by one worker process and by two, and how late.

Tasks are async, in threads and in child processes. Workers are stopped while calls are sent, one
after another and 500 at a time by ``send_many``, and are then let loose on all that wait. Latency
is from the call of ``send`` in one process to the first line of the task in another, with 50 calls
a second and with half as many as the worker has just managed. CPU and memory are the worker's with
its children. *fast* is with ``keep_task_states: 0`` and ``max_in_flight: 400``, else all is as it
is by default. ``server's most`` is where the server would be the limit, if it did nothing else: a
second over what it took for one call that was worked off, with all that is stored then. They run in
turn; figures are medians of the rounds.
"""

from __future__ import annotations

from typing import Any

from benchmarks.measuring import Rounds, Size, Steps, given, show, written
from benchmarks.processes import private_server
from benchmarks.systems.driving import Driven
from benchmarks.systems.known import OURS, System
from pipeline.brokers.redis.address import Address

SIZES = {
    "calls": Size(5_000, 60, "calls that are worked off in a round"),
    "rounds": Size(3, 1, "how many rounds"),
}
_DEFAULT, _FAST = OURS.values()
#: What is measured: the kind of the tasks, and how the worker is set.
CASES = {
    "async": ("async", _DEFAULT),
    "async, fast": ("async", _FAST),
    "thread": ("thread", _DEFAULT),
    "thread, fast": ("thread", _FAST),
    "process": ("process", _DEFAULT),
}
#: How many calls a second are few; and in how many seconds latencies are looked at.
FEW, FOR = 50, 2.0


def one_round(figures: Rounds, address: Address, calls: int, *, tiny: bool) -> None:
    """Every kind in its settings; a tiny one is content with the first."""
    for name, (kind, system) in CASES.items():
        figures.add(name, **_measured(system, kind, address, calls, tiny=tiny))
        two = Driven(system, kind, address, processes=2)
        figures.add(f"{name}, two", rate=_drained(two, calls))
        if tiny and kind == "async":
            return


def _measured(
    system: System, kind: str, address: Address, calls: int, *, tiny: bool
) -> dict[str, float]:
    seconds = 0.2 if tiny else FOR
    with Driven(system, kind, address) as driven:
        p50, p99 = driven.latency(round(FEW * seconds), FEW)
        driven.pause()
        few = max(1, calls // 5)
        each, bulk = driven.send(f"each:{few}", f"bulk:{calls}")
        drain = driven.drain(calls + few)
        half = drain.rate / 2
        half_p50, half_p99 = driven.latency(round(half * seconds), half)
        return {
            "each": few / each,
            "bulk": calls / bulk,
            "rate": drain.rate,
            "cpu": drain.cpu,
            "server": drain.server,
            "memory": driven.memory(),
            "p50": p50,
            "p99": p99,
            "half_p50": half_p50,
            "half_p99": half_p99,
        }


def _drained(driven: Driven, calls: int) -> float:
    with driven:
        driven.pause()
        driven.send(f"bulk:{calls}")
        return driven.drain(calls).rate


def row(figures: Rounds, name: str) -> dict[str, Any]:
    """What was measured of one kind in one setting."""
    two = f"{name}, two"

    def median(figure: str, digits: int = 0) -> float:
        found = figures.median(name, figure)
        return round(found, digits) if digits else round(found)

    return {
        "tasks": name,
        "sent each /s": median("each"),
        "at once /s": median("bulk"),
        "drained /s": median("rate"),
        "by two /s": round(figures.median(two, "rate")),
        "two : one": round(figures.ratio(two, name, "rate"), 2),
        "CPU us": median("cpu"),
        "server us": median("server", 1),
        "server's most /s": round(1e6 / max(0.1, figures.median(name, "server"))),
        "MB": median("memory"),
        "p50 ms": median("p50", 2),
        "p99 ms": median("p99", 2),
        "half load p50": median("half_p50", 2),
        "half load p99": median("half_p99", 2),
    }


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("tasks", __doc__, SIZES)
    figures, steps = Rounds(), Steps(options.rounds)
    with private_server() as address:
        for number in range(options.rounds):
            one_round(figures, address, options.calls, tiny=options.tiny)
            steps.done(f"round {number + 1}")
    rows = [row(figures, name) for name in CASES if figures.has(name)]
    show(rows)
    written(options.json, rows)


if __name__ == "__main__":
    main()
