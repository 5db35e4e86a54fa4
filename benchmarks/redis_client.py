"""What a command costs the client, in microseconds of processor time of this process.

It has a server of its own; each figure is the best of three.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from benchmarks.measuring import Size, given, run, show, written
from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.script import Script
from pipeline.testing.server import shared_server

BATCH = 1000
SIZES = {"batches": Size(100, 1, f"how often {BATCH} commands are sent")}
COMMAND = ("SET", b"key", b"x" * 100)
SCRIPT = Script("nothing", "return 1")


async def cost(act: Callable[[], Deferred[Any]], batches: int) -> float:
    """The best of three, per command."""
    best = float("inf")
    for _ in range(3):
        since = time.process_time()
        for _ in range(batches):
            await act()
        best = min(best, (time.process_time() - since) / batches / BATCH * 1e6)
    return best


async def measure(reactor: Any, batches: int) -> list[dict[str, Any]]:
    """A row for each way to send."""
    client = Client(shared_server(), reactor)
    await client.start()
    batch = [COMMAND] * BATCH
    ways: dict[str, Callable[[], Deferred[Any]]] = {
        "execute_many": lambda: client.execute_many(batch),
        "execute": lambda: gatherResults([client.execute(*COMMAND) for _ in range(BATCH)]),
        "run": lambda: gatherResults([client.run(SCRIPT, [], []) for _ in range(BATCH)]),
    }
    costs = {name: await cost(act, batches) for name, act in ways.items()}
    await client.stop()
    return [{"sent by": name, "CPU us": round(each, 2)} for name, each in costs.items()]


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("redis_client", __doc__, SIZES)

    async def within(reactor: Any) -> None:
        rows = await measure(reactor, options.batches)
        show(rows)
        written(options.json, rows)

    run(within)


if __name__ == "__main__":
    main()
