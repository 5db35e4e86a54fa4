"""Calls of a task that does nothing: in child processes, in threads, and in the reactor.

There is no broker in it: what is measured is the runner, with all calls in hand at once, and one
after another.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from benchmarks.measuring import Size, given, run, show, written
from benchmarks.processes import memory
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.processes.options import ProcessPoolOptions
from pipeline.tasks.processes.pool import ProcessPool
from pipeline.tasks.registry import Task, task
from pipeline.tasks.runner import TaskRunner

SIZES = {
    "calls": Size(5_000, 20, "how many at once"),
    "processes": Size(1, 1, "how many children"),
}


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


async def measure(reactor: Any, calls: int, processes: int) -> dict[str, Any]:
    """What each isolation takes."""
    started = time.perf_counter()
    options = ProcessPoolOptions(["benchmarks.task_processes"], processes=processes)
    pool = ProcessPool(reactor, options)
    runner = TaskRunner(reactor, processes=pool)
    await runner.start()
    ready = time.perf_counter() - started
    rows = []
    for each in (in_process, in_thread, in_reactor):
        rate, latency = await _rate(runner, each, calls), await _latency(runner, each, calls // 5)
        one = {"calls/s, all at once": round(rate), "us, one by one": round(latency)}
        rows.append({"isolation": each.isolation, **one})
    children = [round(memory(child.pid)) for child in pool.children if child.pid]
    await runner.stop()
    return {"isolations": rows, "ready_s": round(ready, 2), "children_mb": children}


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


def main() -> None:
    """Measure and print."""
    options = given("task_processes", __doc__, SIZES)

    async def within(reactor: Any) -> None:
        figures = await measure(reactor, options.calls, options.processes)
        show(figures["isolations"])
        print(f"a child is ready after {figures['ready_s']} s; MB: {figures['children_mb']}")
        written(options.json, figures)

    run(within)


if __name__ == "__main__":
    main()
