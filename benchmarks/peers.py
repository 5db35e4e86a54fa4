"""The same task that does nothing, in this framework and in others, on one server, in turn.

Each worker is one real process (or what its command starts for one), stopped while calls are sent,
and then let loose on all that wait. Latency is from sending a call in one process to the first line
of its task in another, at 100 calls a second. CPU and memory are those of the worker and its
children. ``ours : its`` are medians of the rounds' ratios of what *pipeline, fast* did with tasks
of the same kind. Calls are sent one by one, and ``at once`` by what each has for many: ours by
``send_many``, 500 in a call, FastStream by a pipeline of 500; where there is nothing, one by one
again, or side by side. Others are set as their documentation says is fastest, the second table says
how; and that differ in what a worker that dies loses, it says as well. The bare loop is no
framework: it is what the server and a client allow.

The others come with the extra: ``pip install 'txpipeline[bench]'``.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.measuring import Rounds, Size, Steps, given, show, written
from benchmarks.processes import private_server
from benchmarks.systems.driving import Driven
from benchmarks.systems.known import OURS, SYSTEMS, System
from pipeline.brokers.redis.address import Address

SIZES = {
    "calls": Size(8_000, 80, "calls of a round for the fastest; slower ones have fewer"),
    "rounds": Size(2, 1, "how many rounds"),
}
#: Calls a second that are few, and for how many seconds latencies are looked at.
FEW, FOR = 100, 1.0
KINDS = ("async", "thread")
FASTEST = list(OURS)[-1]

Case = tuple[str, str]


def chosen(only: list[str], *, tiny: bool) -> list[Case]:
    """What is measured: systems that are there, and kinds of tasks."""
    cases = []
    for name, system in SYSTEMS.items():
        if only and not any(name.startswith(each) for each in (*only, *OURS)):
            continue
        if not system.is_there:
            print(f"left out, not installed: {name} (the extra 'bench')", file=sys.stderr)
            continue
        kinds = [kind for kind in KINDS if kind in system.workers]
        cases += [(name, kind) for kind in (kinds[:1] if tiny else kinds)]
    return cases


def measured(
    system: System, kind: str, address: Address, calls: int, *, tiny: bool
) -> dict[str, float]:
    """One round of one case."""
    calls = max(10, round(calls * system.share))
    few = max(5, calls // 8)
    with Driven(system, kind, address) as driven:
        p50, p99 = driven.latency(5 if tiny else round(FEW * FOR), FEW)
        driven.pause()
        each, bulk = driven.send(f"each:{few}", f"bulk:{calls}")
        drain = driven.drain(calls + few)
        return {
            "rate": drain.rate,
            "cpu": drain.cpu,
            "each": few / each,
            "bulk": calls / bulk,
            "p50": p50,
            "p99": p99,
            "memory": driven.memory(),
        }


def row(figures: Rounds, case: Case) -> dict[str, Any]:
    """What was measured of one case."""
    name, kind = case
    ours = f"{FASTEST}, {kind}"
    label = f"{name}, {kind}"

    def median(figure: str, digits: int = 0) -> float:
        found = figures.median(label, figure)
        return round(found, digits) if digits else round(found)

    def ratio(figure: str) -> float | None:
        return round(figures.ratio(ours, label, figure), 2) if figures.has(ours) else None

    return {
        "system": name,
        "tasks": kind,
        "drained /s": median("rate"),
        "ours : its, drained": ratio("rate"),
        "CPU us": median("cpu"),
        "sent each /s": median("each"),
        "ours : its, each": ratio("each"),
        "at once /s": median("bulk"),
        "ours : its, at once": ratio("bulk"),
        "p50 ms": median("p50", 2),
        "p99 ms": median("p99", 2),
        "MB": median("memory"),
    }


def described(name: str) -> dict[str, str]:
    """How a system was set, and when it acknowledges."""
    system = SYSTEMS[name]
    return {
        "system": name,
        "version": _version(system.needs.replace("_", "-") or "txpipeline"),
        "acknowledges": system.acks,
        "set": system.setting,
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "from source"


def main() -> None:
    """Parse the arguments, run, print."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--only", action="append", default=[], metavar="NAME", help="ours and this one"
        )

    options = given("peers", __doc__, SIZES, more)
    cases = chosen(options.only, tiny=options.tiny)
    figures, steps = Rounds(), Steps(options.rounds * len(cases))
    with private_server() as address:
        for number in range(options.rounds):
            for name, kind in cases:
                taken = measured(SYSTEMS[name], kind, address, options.calls, tiny=options.tiny)
                figures.add(f"{name}, {kind}", **taken)
                steps.done(f"round {number + 1}: {name}, {kind}")
    rows = [row(figures, case) for case in cases]
    systems = [described(name) for name in dict.fromkeys(name for name, _ in cases)]
    show(rows)
    print()
    show(systems)
    written(options.json, {"figures": rows, "systems": systems})


if __name__ == "__main__":
    main()
