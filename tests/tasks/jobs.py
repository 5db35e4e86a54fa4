"""Tasks for the tests."""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.errors import RetryLater, TaskCancelled, TemporaryFailure, WorkerShutdown
from pipeline.tasks.registry import task
from pipeline.tasks.shutdown import PostponeShutdown
from pipeline.tasks.states.progress import report_progress

#: What has run, in order.
ran: list[Any] = []

#: What :func:`block` waits for.
gate = threading.Event()

#: What :func:`wait` waits for.
gates: list[Deferred[Any]] = []


@task(queue="work")
async def add(a: int, b: int = 0) -> int:
    """Add."""
    ran.append((a, b))
    return a + b


@task(queue="work", retries=1, backoff=7)
async def flaky(times: int) -> str:
    """Fail so many times."""
    ran.append("flaky")
    if ran.count("flaky") <= times:
        raise TemporaryFailure("not yet")
    return "at last"


@task(queue="work")
async def broken() -> None:
    """Always fail."""
    ran.append("broken")
    raise KeyError("broken")


@task(queue="work")
async def later() -> None:
    """Ask for another try."""
    ran.append("later")
    raise RetryLater(50, "busy")


@task(queue="work")
async def wait() -> Any:
    """Wait for a gate."""
    gate: Deferred[Any] = Deferred()
    gates.append(gate)
    try:
        return await gate
    except WorkerShutdown:
        ran.append("told to end")
        raise


@task(queue="work", reentrant=True)
async def wait_again() -> Any:
    """Wait for a gate; may run twice."""
    return await wait.function()


@task(queue="work", reentrant=True)
async def again() -> None:
    """May run twice."""
    ran.append("again")


@task(queue="work")
async def strange() -> Any:
    """Return what can't travel."""
    return {1, 2}


@task(queue="work", timeout=5)
async def slow() -> None:
    """Take too long."""
    await Deferred()


@task(queue="work")
async def chain(n: int) -> None:
    """Send another task, then fail if n is 0."""
    await add.send(n, 1)
    if not n:
        raise KeyError("after sending")


@task(queue="work")
def in_thread(n: int) -> list[Any]:
    """Say where it runs, and send another task from there."""
    add.send_from_thread(n)
    return [n, threading.current_thread() is threading.main_thread()]


@task(queue="work", keep_result=60, retries=0)
async def kept(ok: bool) -> str:
    """Return what is kept."""
    if not ok:
        raise KeyError("kept")
    return "kept"


@task(queue="work")
def block() -> None:
    """Wait in a thread."""
    gate.wait(5)


@task(queue="work", reentrant=True)
def block_again() -> None:
    """Wait in a thread; may run twice."""
    gate.wait(5)


@task(queue="work", retries=0)
async def wait_once() -> Any:
    """As wait, and never tried again."""
    return await wait()


@task(queue="work", keep_result=60)
async def wait_kept() -> Any:
    """As wait, and its result is kept."""
    return await wait()


@task(queue="work")
async def cancellable() -> None:
    """Send something, then wait until it is cancelled."""
    await add.send(1)
    try:
        await Deferred()
    except TaskCancelled:
        ran.append("cancelled")
        raise


@task(queue="work", reentrant=True)
async def careful() -> None:
    """Wait for a gate in a block that is not broken off."""
    gate: Deferred[Any] = Deferred()
    gates.append(gate)
    with PostponeShutdown(), PostponeShutdown():
        await gate
        ran.append("in peace")
    ran.append("too far")


@task(queue="work", timeout=1, retries=0)
def late() -> None:
    """Send something before and after the time is over."""
    add.send_from_thread(1)
    ran.append("sent")
    gate.wait(60)
    try:
        add.send_from_thread(2)
    except RuntimeError:
        ran.append("refused")


@task(queue="work")
async def quits() -> None:
    """Raise what those who are cancelled get."""
    raise TaskCancelled("by itself")


@task(queue="work")
async def steps() -> None:
    """Report progress before and after a gate."""
    report_progress(1, 5)
    report_progress(2, 5, "second")
    gate: Deferred[Any] = Deferred()
    gates.append(gate)
    await gate
    report_progress(5, 5)
