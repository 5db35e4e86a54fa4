"""The same task in arq."""

from __future__ import annotations

import asyncio
import os
from time import monotonic
from typing import Any

from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.worker import Worker

from benchmarks.systems.noting import begun

LOOP = "asyncio"
#: Each of those side by side takes a connection.
AT_ONCE = 100
SETTINGS = RedisSettings(unix_socket_path=os.environ["BENCHMARK_SOCKET"])
_open: list[ArqRedis] = []


async def noop(context: Any, sent: float) -> None:
    """Do nothing, in the event loop."""
    begun(sent)


async def open() -> None:
    """Connect."""
    _open.append(await create_pool(SETTINGS))


async def close() -> None:
    """Let go."""
    await _open.pop().close()


async def one(kind: str) -> None:
    """Send a call."""
    await _open[0].enqueue_job("noop", monotonic())


async def bulk(kind: str, count: int) -> None:
    """Send many, side by side."""
    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(one(kind) for _ in range(min(AT_ONCE, count - start))))


async def work() -> None:
    """Run a worker; for ever."""
    worker = Worker(
        [noop],
        redis_settings=SETTINGS,
        max_jobs=500,
        poll_delay=0.01,
        keep_result=0,
        log_results=False,
    )
    await worker.async_run()


if __name__ == "__main__":
    import uvloop

    uvloop.run(work())
