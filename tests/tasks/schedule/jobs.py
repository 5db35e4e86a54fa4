"""Tasks for the tests of schedules. Those of ``kept`` have a schedule of their own."""

from __future__ import annotations

from datetime import date

from twisted.internet.defer import Deferred

from pipeline.tasks.current import current_task
from pipeline.tasks.registry import task

#: The slots that were called, in ms, in order.
slots: list[int | None] = []

#: What :func:`wait` waits for.
gates: list[Deferred[None]] = []


@task(queue="work", reentrant=True)
async def note(text: str = "") -> None:
    """Note the slot."""
    running = current_task()
    assert running is not None
    slots.append(running.slot)


@task(queue="work", retries=1, backoff=60)
async def wait() -> None:
    """Note the slot, and wait."""
    await note()
    gates.append(Deferred())
    await gates[-1]


@task(queue="work", retries=0)
async def broken() -> None:
    """Note the slot, and fail for good."""
    await note()
    raise KeyError("broken")


@task(queue="work", unique="done")
async def only() -> None:
    """Note the slot; there is one call at a time."""
    await note()


@task(queue="work", ttl=30)
async def urgent() -> None:
    """Note the slot, within half a minute."""
    await note()


@task(queue="work", concurrency=1, priority="high")
async def limited() -> None:
    """Note the slot; its calls have a queue of their own."""
    await note()


@task(queue="work")
async def dated(day: date) -> None:
    """Take a date."""
    await note()


@task(queue="elsewhere")
async def elsewhere() -> None:
    """A task of another connector."""
