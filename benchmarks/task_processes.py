"""Calls of a task that does nothing: in child processes, in threads, and in the reactor.

Run as ``python -m benchmarks.task_processes [--calls N] [--processes N]``. There is no broker in
it: what is measured is the runner, with all calls in hand at once, and one after another.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from pipeline.tasks.current import CurrentTask
from pipeline.tasks.processes.options import ProcessPoolOptions
from pipeline.tasks.processes.pool import ProcessPool
from pipeline.tasks.registry import Task, task
from pipeline.tasks.runner import TaskRunner

__all__ = ["main"]


@task(name="benchmarks.in_process", isolation="process")
def in_process(n: int) -> int:
    """Nothing, in a process."""
    return n


@task(name="benchmarks.in_thread", isolation="thread")
def in_thread(n: int) -> int:
    """Nothing, in a thread."""
    return n


@task(name="benchmarks.in_reactor", isolation="inline")
def in_reactor(n: int) -> int:
    """Nothing, in the reactor."""
    return n


async def measure(reactor: Any, calls: int, processes: int) -> None:
    """Print a line for each isolation."""
    started = time.perf_counter()
    options = ProcessPoolOptions(["benchmarks.task_processes"], processes=processes)
    pool = ProcessPool(reactor, options)
    runner = TaskRunner(reactor, processes=pool)
    await runner.start()
    print(f"a child is ready after {time.perf_counter() - started:.2f} s")
    print(f"{'isolation':<10}{'calls/s, all at once':>22}{'us, one by one':>16}")
    for each in (in_process, in_thread, in_reactor):
        rate, latency = await _rate(runner, each, calls), await _latency(runner, each, calls // 5)
        print(f"{each.isolation:<10}{rate:>22,.0f}{latency:>16,.0f}")
    print(f"memory of the children: {', '.join(_memory(child.pid) for child in pool.children)}")
    await runner.stop()


def _call(runner: TaskRunner, each: Task[Any, Any], n: int) -> Deferred[Any]:
    call = CurrentTask(id=str(n), name=each.name, args=[n])
    return Deferred.fromCoroutine(runner.run(each, call))


async def _rate(runner: TaskRunner, each: Task[Any, Any], calls: int) -> float:
    started = time.perf_counter()
    results = await gatherResults([_call(runner, each, n) for n in range(calls)])
    assert results == list(range(calls))
    return calls / (time.perf_counter() - started)


async def _latency(runner: TaskRunner, each: Task[Any, Any], calls: int) -> float:
    started = time.perf_counter()
    for n in range(calls):
        await _call(runner, each, n)
    return (time.perf_counter() - started) / calls * 1e6


def _memory(pid: int | None) -> str:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    except OSError:
        return "unknown"
    return f"{pages * 4096 / 2**20:.0f} MB"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    react(lambda reactor: Deferred.fromCoroutine(measure(reactor, given.calls, given.processes)))


if __name__ == "__main__":
    main()
