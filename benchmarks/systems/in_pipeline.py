"""This framework's tasks."""

from __future__ import annotations

import os
from time import monotonic
from typing import Any

from benchmarks.systems.noting import begun
from pipeline.service.connect import connect
from pipeline.tasks.registry import task

LOOP = "twisted"
#: The variable with the file of a system, for who sends.
FILE = "BENCHMARK_SYSTEM"
AT_ONCE = 500


@task(name="benchmarks.async", ignore_result=True)
async def noop_async(sent: float) -> None:
    """Do nothing, in the reactor."""
    begun(sent)


@task(name="benchmarks.thread", ignore_result=True)
def noop_thread(sent: float) -> None:
    """Do nothing, in a thread."""
    begun(sent)


@task(name="benchmarks.process", isolation="process", ignore_result=True)
def noop_process(sent: float) -> None:
    """Do nothing, in a child process."""
    begun(sent)


TASKS = {"async": noop_async, "thread": noop_thread, "process": noop_process}
_open: list[Any] = []


async def open() -> None:
    """Connect."""
    _open.append(await connect(os.environ[FILE]))


async def close() -> None:
    """Let go."""
    await _open.pop().close()


async def one(kind: str) -> None:
    """Send a call."""
    await TASKS[kind].send(monotonic())


async def bulk(kind: str, count: int) -> None:
    """Send many by ``send_many``, 500 in a call, each with the time of that."""
    for start in range(0, count, AT_ONCE):
        some = range(min(AT_ONCE, count - start))
        await TASKS[kind].send_many([(monotonic(),) for _ in some])
