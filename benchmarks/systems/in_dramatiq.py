"""The same tasks in dramatiq."""

from __future__ import annotations

import os
from time import monotonic

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO

from benchmarks.systems.noting import begun

LOOP = "asyncio"
broker = RedisBroker(url=f"unix://{os.environ['BENCHMARK_SOCKET']}")
broker.add_middleware(AsyncIO())
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="thread")
def noop_thread(sent: float) -> None:
    """Do nothing, in a thread."""
    begun(sent)


@dramatiq.actor(queue_name="async")
async def noop_async(sent: float) -> None:
    """Do nothing, in the event loop, for which a thread waits."""
    begun(sent)


ACTORS = {"thread": noop_thread, "async": noop_async}


async def open() -> None:
    """Nothing is to be opened."""


async def close() -> None:
    """Let go."""
    broker.close()


async def one(kind: str) -> None:
    """Send a call."""
    ACTORS[kind].send(monotonic())


async def bulk(kind: str, count: int) -> None:
    """Send many, each by itself: it has no other way; a group does the same."""
    send = ACTORS[kind].send
    for _ in range(count):
        send(monotonic())
