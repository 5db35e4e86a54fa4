"""The same tasks in FastStream, on streams."""

from __future__ import annotations

import os
from time import monotonic

from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Redis

from benchmarks.systems.noting import begun

LOOP = "asyncio"
AT_ONCE = 500
broker = RedisBroker(f"unix://{os.environ['BENCHMARK_SOCKET']}", logger=None)
app = FastStream(broker, logger=None)


@broker.subscriber(stream=StreamSub("async", group="noop", consumer="one", max_records=500))
async def noop_async(sent: float) -> None:
    """Do nothing, in the event loop."""
    begun(sent)


@broker.subscriber(stream=StreamSub("thread", group="noop", consumer="one", max_records=500))
def noop_thread(sent: float) -> None:
    """Do nothing, in a thread."""
    begun(sent)


_open: list[Redis] = []


async def open() -> None:
    """Connect."""
    await broker.connect()
    _open.append(Redis(unix_socket_path=os.environ["BENCHMARK_SOCKET"]))


async def close() -> None:
    """Let go."""
    await _open.pop().aclose()
    await broker.stop()


async def one(kind: str) -> None:
    """Send a call."""
    await broker.publish(monotonic(), stream=kind)


async def bulk(kind: str, count: int) -> None:
    """Send many in a pipeline, 500 at a time."""
    for start in range(0, count, AT_ONCE):
        async with _open[0].pipeline(transaction=False) as pipe:
            for _ in range(min(AT_ONCE, count - start)):
                await broker.publish(monotonic(), stream=kind, pipeline=pipe)
            await pipe.execute()
