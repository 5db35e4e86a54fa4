"""The same task in huey."""

from __future__ import annotations

import os
from time import monotonic

from huey import RedisHuey
from redis import ConnectionPool, UnixDomainSocketConnection

from benchmarks.systems.noting import begun

LOOP = "asyncio"
huey = RedisHuey(
    "noop",
    results=False,
    connection_pool=ConnectionPool(
        connection_class=UnixDomainSocketConnection, path=os.environ["BENCHMARK_SOCKET"]
    ),
)


@huey.task()
def noop(sent: float) -> None:
    """Do nothing, in a thread."""
    begun(sent)


async def open() -> None:
    """Nothing is to be opened."""


async def close() -> None:
    """Nothing was."""


async def one(kind: str) -> None:
    """Send a call."""
    noop(monotonic())


async def bulk(kind: str, count: int) -> None:
    """Send many, each by itself: it has no other way."""
    for _ in range(count):
        noop(monotonic())
