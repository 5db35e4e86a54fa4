"""What the states of tasks cost: calls that do nothing, sent and drained, with states and without.

All in one process, on a
server of its own; the two take turns. The figures are medians of the rounds, of CPU time, which
other work on the machine changes least.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from benchmarks.measuring import Size, given, run, show, written
from benchmarks.processes import served
from pipeline.applications.tasks import TaskApplication
from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.tasks.client import Client
from pipeline.tasks.registry import task
from pipeline.worker import Runtime

#: How many calls are sent side by side.
AT_ONCE = 500
SIZES = {
    "calls": Size(10_000, 20, "how many in a round"),
    "rounds": Size(5, 1, "how many rounds"),
}


class Counter:
    """Says when so many calls have run."""

    left = 0
    done: Deferred[None]


@task(name="benchmarks.task_states.nothing", queue="bench")
async def nothing() -> None:
    """Do nothing but count."""
    Counter.left -= 1
    if not Counter.left:
        Counter.done.callback(None)


async def sent(client: Client, count: int) -> float:
    """Send calls; microseconds of this process for each."""
    began = time.process_time()
    for start in range(0, count, AT_ONCE):
        some = range(start, min(start + AT_ONCE, count))
        await gatherResults([Deferred.fromCoroutine(client.send(nothing)) for _ in some])
    return (time.process_time() - began) / count * 1e6


async def drained(runtime: Runtime, count: int) -> float:
    """Run all calls that wait; microseconds of this process for each."""
    Counter.left, Counter.done = count, Deferred()
    options = {"transport_name": "bench", "tasks": [f"{__name__}.nothing"], "max_in_flight": 200}
    worker = TaskApplication("bench", options, runtime)
    began = time.process_time()
    await worker.start_worker()
    await Counter.done
    await worker.stop_worker()
    return (time.process_time() - began) / count * 1e6


async def bench(reactor: Any, calls: int, rounds: int) -> dict[str, list[tuple[float, ...]]]:
    """Run the rounds on a private server."""
    server = EmbeddedServer(reactor=reactor)
    address = await server.start()
    broker = RedisBroker(address, reactor, namespace="bench")
    await broker.start()
    figures: dict[str, list[tuple[float, ...]]] = {"off": [], "on": []}
    runtime = Runtime(broker, Codec(), reactor, "bench")
    for _ in range(rounds):
        for name, keep in (("off", 0.0), ("on", 3600.0)):
            kept = replace(runtime, keep_task_states=keep)
            client, before = Client(kept), served(address)
            mine = await sent(client, calls), await drained(kept, calls)
            figures[name].append((*mine, (served(address) - before) / calls * 1e6))
            await client.stop()
    await broker.stop()
    await server.stop()
    return figures


def main() -> None:
    """Measure, and print a table."""
    options = given("task_states", __doc__, SIZES)

    async def within(reactor: Any) -> None:
        figures = await bench(reactor, options.calls, options.rounds)
        rows = [_row(name, rounds) for name, rounds in figures.items()]
        show(rows)
        written(options.json, rows)

    run(within)


def _row(name: str, rounds: list[tuple[float, ...]]) -> dict[str, Any]:
    whats = ("sent, CPU us", "run, CPU us", "server, CPU us")
    medians = (round(statistics.median(each), 1) for each in zip(*rounds, strict=True))
    return {"states": name, **dict(zip(whats, medians, strict=True))}


if __name__ == "__main__":
    main()
