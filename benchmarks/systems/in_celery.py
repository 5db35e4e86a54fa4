"""The same task in Celery."""

from __future__ import annotations

import os
from time import monotonic
from typing import Any

from celery import Celery

from benchmarks.systems.noting import begun

LOOP = "asyncio"
app = Celery("noop", broker=f"redis+socket://{os.environ['BENCHMARK_SOCKET']}")
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=0,
    worker_send_task_events=False,
    worker_disable_rate_limits=True,
    broker_connection_retry_on_startup=True,
)
_open: list[Any] = []


@app.task
def noop(sent: float) -> None:
    """Do nothing."""
    begun(sent)


async def open() -> None:
    """Keep one producer, as its guide to optimizing says."""
    _open.append(app.producer_pool.acquire(block=True))


async def close() -> None:
    """Let go."""
    _open.pop().release()


async def one(kind: str) -> None:
    """Send a call."""
    noop.apply_async((monotonic(),), producer=_open[0])


async def bulk(kind: str, count: int) -> None:
    """Send many, each by itself: it has no other way; a group does the same."""
    for _ in range(count):
        noop.apply_async((monotonic(),), producer=_open[0])
