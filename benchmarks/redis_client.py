"""What a command costs the client, in microseconds of processor time of this process.

Run it alone: ``python benchmarks/redis_client.py``. It starts a private server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.script import Script
from pipeline.testing.server import shared_server

BATCH, ROUNDS = 1000, 100
COMMAND = ("SET", b"key", b"x" * 100)
SCRIPT = Script("nothing", "return 1")


async def cost(act: Callable[[], Deferred[Any]]) -> float:
    """The best of three, per command."""
    best = float("inf")
    for _ in range(3):
        since = time.process_time()
        for _ in range(ROUNDS):
            await act()
        best = min(best, (time.process_time() - since) / ROUNDS / BATCH * 1e6)
    return best


async def measure(reactor: Any) -> None:
    client = Client(shared_server(), reactor)
    await client.start()
    batch = [COMMAND] * BATCH
    ways: dict[str, Callable[[], Deferred[Any]]] = {
        "execute_many": lambda: client.execute_many(batch),
        "execute": lambda: gatherResults([client.execute(*COMMAND) for _ in range(BATCH)]),
        "run": lambda: gatherResults([client.run(SCRIPT, [], []) for _ in range(BATCH)]),
    }
    for name, act in ways.items():
        print(f"{name:14}{await cost(act):6.2f} us a command, {BATCH} at a time")
    await client.stop()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(measure(reactor)))
