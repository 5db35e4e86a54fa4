"""The same tasks in taskiq, with its broker on streams."""

from __future__ import annotations

import asyncio
import os
from time import monotonic

from taskiq_redis import RedisStreamBroker

from benchmarks.systems.noting import begun

LOOP = "asyncio"
#: Each of those side by side takes a connection.
AT_ONCE = 100
broker = RedisStreamBroker(f"unix://{os.environ['BENCHMARK_SOCKET']}", xread_count=500)


@broker.task("async")
async def noop_async(sent: float) -> None:
    """Do nothing, in the event loop."""
    begun(sent)


@broker.task("thread")
def noop_thread(sent: float) -> None:
    """Do nothing, in a thread."""
    begun(sent)


TASKS = {"async": noop_async, "thread": noop_thread}


async def open() -> None:
    """Connect."""
    await broker.startup()


async def close() -> None:
    """Let go."""
    await broker.shutdown()


async def one(kind: str) -> None:
    """Send a call."""
    await TASKS[kind].kiq(monotonic())


async def bulk(kind: str, count: int) -> None:
    """Send many, side by side."""
    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(one(kind) for _ in range(min(AT_ONCE, count - start))))
